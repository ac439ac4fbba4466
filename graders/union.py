"""Every grader by its `type`: the one place that names them all. A new grader is one file and one name here."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from graders.base import Grader
from graders.choice import Choice
from graders.code_tests import CodeTests
from graders.endpoint import Endpoint
from graders.errors import UserError, nearest
from graders.exact_match import ExactMatch
from graders.faults import said
from graders.format import Format
from graders.json_compare import FieldRule
from graders.json_fields import JsonFields
from graders.json_schema import JsonSchema
from graders.judge import Judge
from graders.label_model import LabelModel
from graders.llm.server import Server
from graders.math import Math
from graders.model_messages import SamplingParams
from graders.multi import Multi
from graders.numeric import Numeric
from graders.pattern import Pattern
from graders.penalty import Penalty
from graders.python import Python
from graders.ranked_list import RankedList
from graders.reward_model import RewardModel
from graders.rubric import Point, Rubric
from graders.score_model import ScoreModel
from graders.set_f1 import SetF1
from graders.similarity import Similarity
from graders.sql import Sql, Weights
from graders.steps import Steps
from graders.string_check import StringCheck
from graders.text_similarity import TextSimilarity
from graders.texts import short

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_One = (
    ExactMatch
    | Numeric
    | Math
    | Steps
    | Choice
    | Pattern
    | JsonFields
    | JsonSchema
    | SetF1
    | RankedList
    | Similarity
    | Sql
    | CodeTests
    | Format
    | Penalty
    | Judge
    | Rubric
    | StringCheck
    | TextSimilarity
    | ScoreModel
    | LabelModel
    | RewardModel
    | Python
    | Endpoint
)

OneGrader = Annotated[_One, Field(discriminator="type")]
"""A grader that stands for itself: what `multi` and `rubric` may hold."""

Point.model_rebuild(_types_namespace={"OneGrader": OneGrader})
Rubric.model_rebuild()
Multi.model_rebuild(_types_namespace={"OneGrader": OneGrader})

AnyGrader = Annotated[_One | Multi, Field(discriminator="type")]

GRADERS: dict[str, type[Grader]] = {kind.model_fields["type"].default: kind for kind in (*get_args(_One), Multi)}

_ADAPTER: TypeAdapter[_One | Multi] = TypeAdapter(AnyGrader)


def parse_grader(config: object, where: str = "grader", folder: Path = Path()) -> AnyGrader:
    """The grader that a mapping from YAML or JSON describes. Relative paths in it start at `folder`.

    Raises UserError, with every fault of the mapping.
    """
    if not isinstance(config, Mapping):
        raise UserError(f"a grader is described by {config!r}", "a mapping such as {type: numeric}", where=where)
    name = config.get("type")
    if not isinstance(name, str) or name not in GRADERS:
        happened = "the grader has no type" if name is None else f"there is no grader type {name!r}"
        raise UserError(happened, f"one of {', '.join(GRADERS)}", _did_you_mean(str(name), GRADERS), where)
    try:
        return _ADAPTER.validate_python(dict(config), context={"folder": folder})
    except ValidationError as error:
        faults = "; ".join(_fault(fault, GRADERS[name]) for fault in error.errors())
        raise UserError(
            faults, f"the fields of {name}: {', '.join(GRADERS[name].model_fields)}", where=where
        ) from error


def _fault(fault: "ErrorDetails", grader: type[Grader]) -> str:
    path = [str(part) for part in fault["loc"][1:]]  # the first part is the grader's type
    at = ".".join(path) or "grader"
    if fault["type"] == "extra_forbidden":
        hint = _did_you_mean(path[-1], _known(path, grader))
        return f"unknown key {at!r}" + (f" ({hint})" if hint else "")
    if fault["type"] == "missing":
        return f"{at} is missing"
    whole = isinstance(fault["input"], Mapping)  # a whole grader says nothing in sixty letters, and may hold secrets
    return f"{at}: {said(fault)}" + ("" if whole else f", got {short(fault['input'])}")


def _known(path: list[str], grader: type[Grader]) -> Iterable[str]:
    """The keys that stand beside the last one of the path."""
    if len(path) == 1:
        return grader.model_fields
    inner: dict[str, type[BaseModel]] = {
        "server": Server,
        "sampling_params": SamplingParams,
        "weights": Weights,
        **GRADERS,
    }
    return inner[path[-2]].model_fields if path[-2] in inner else FieldRule.model_fields


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"did you mean {near!r}?" if near else ""
