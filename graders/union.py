"""Every grader by its `type`: the one place that names them all. A new grader is one file and one name here."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter, ValidationError

from graders.base import Grader
from graders.choice import Choice
from graders.code_tests import CodeTests
from graders.errors import UserError
from graders.exact_match import ExactMatch
from graders.json_fields import FieldRule, JsonFields
from graders.numeric import Numeric
from graders.texts import short

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

AnyGrader = Annotated[ExactMatch | Numeric | Choice | JsonFields | CodeTests, Field(discriminator="type")]

GRADERS: dict[str, type[Grader]] = {
    "exact_match": ExactMatch,
    "numeric": Numeric,
    "choice": Choice,
    "json_fields": JsonFields,
    "code_tests": CodeTests,
}

_ADAPTER: TypeAdapter[ExactMatch | Numeric | Choice | JsonFields | CodeTests] = TypeAdapter(AnyGrader)


def parse_grader(config: object, where: str = "grader") -> AnyGrader:
    """The grader that a mapping from YAML or JSON describes. Raises UserError, with every fault of the mapping."""
    if not isinstance(config, Mapping):
        raise UserError(f"a grader is described by {config!r}", "a mapping such as {type: numeric}", where=where)
    name = config.get("type")
    if not isinstance(name, str) or name not in GRADERS:
        happened = "the grader has no type" if name is None else f"there is no grader type {name!r}"
        raise UserError(happened, f"one of {', '.join(GRADERS)}", _did_you_mean(str(name), GRADERS), where)
    try:
        return _ADAPTER.validate_python(dict(config))
    except ValidationError as error:
        faults = "; ".join(_fault(fault, GRADERS[name]) for fault in error.errors())
        raise UserError(
            faults, f"the fields of {name}: {', '.join(GRADERS[name].model_fields)}", where=where
        ) from error


def _fault(fault: "ErrorDetails", grader: type[Grader]) -> str:
    path = [str(part) for part in fault["loc"][1:]]  # the first part is the grader's type
    at = ".".join(path) or "grader"
    if fault["type"] == "extra_forbidden":
        known = FieldRule.model_fields if len(path) > 1 else grader.model_fields
        hint = _did_you_mean(path[-1], known)
        return f"unknown key {at!r}" + (f" ({hint})" if hint else "")
    return f"{at}: {fault['msg']}, got {short(fault['input'])}"


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else ""
