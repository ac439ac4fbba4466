"""OpenAI's templates and namespaces: `{{ item.answer }}`, `{{sample.output_json.people[0].name}}`, filled in one pass.

In: a text with variables, a Sample. Out: the text with their values. `item` is the data row; `sample` is what the model
wrote: output_text, output_json (where the text is valid JSON), output_tools, choices. What is filled in is never filled
again, so a completion that holds `{{item.answer}}` gives nothing away. Texts stand as they are, other values as JSON.
Source: the guide "Graders" of OpenAI's API (2026-08), section on templates.
"""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from graders.base import Grade, Sample, unscored
from graders.texts import short

_VARIABLE = re.compile(r"\{\{\s*(?P<path>[^{}]*?)\s*\}\}")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


class MissingVariable(Exception):
    """A variable has no value. models_fault: it was to come from the model's JSON; else the row or template lacks it.

    error: OpenAI's word for it.
    """

    def __init__(self, variable: str, why: str, models_fault: bool) -> None:
        super().__init__(f"{{{{{variable}}}}}: {why}")
        self.models_fault = models_fault
        self.error = "sample_parse_error" if models_fault else "invalid_variable_error"

    def grade(self) -> Grade:
        """What a grader makes of it: 0 where the model's JSON is at fault, else unscored."""
        if self.models_fault:
            return Grade(0.0, str(self), errors=(self.error,))
        return unscored(str(self), self.error)


def fill(template: str, sample: Sample) -> str:
    """The template with every variable's value. Raises MissingVariable."""
    spaces: dict[str, Mapping[str, Any]] = {}

    def value(match: re.Match[str]) -> str:
        found = _look_up(match["path"], sample, spaces)
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)

    return _VARIABLE.sub(value, template)


def fill_all(templates: Sequence[str], sample: Sample) -> list[str]:
    """Each template filled. Raises MissingVariable: a lack in the row before one in the model's JSON, since a row that
    cannot be graded must not count, whatever the model wrote."""
    texts, models_fault = [], None
    for template in templates:
        try:
            texts.append(fill(template, sample))
        except MissingVariable as missing:
            if not missing.models_fault:
                raise
            models_fault = models_fault or missing
    if models_fault is not None:
        raise models_fault
    return texts


def variables(template: str) -> list[str]:
    """The paths named in a template, in order, once each."""
    return list(dict.fromkeys(match["path"] for match in _VARIABLE.finditer(template)))


def reads(namespace: str, *templates: str) -> bool:
    """Whether some variable of the templates is one of `item` or of `sample`."""
    return any(path.partition(".")[0] == namespace for template in templates for path in variables(template))


def sample_namespace(sample: Sample) -> dict[str, Any]:
    """`sample` as OpenAI's graders see it. output_json is there only where the completion is valid JSON."""
    message = {"role": "assistant", "content": sample.completion, "tool_calls": []}
    namespace: dict[str, Any] = {
        "output_text": sample.completion,
        "output_tools": [],
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }
    with contextlib.suppress(ValueError, RecursionError):
        namespace["output_json"] = json.loads(sample.completion)
    return namespace


def _look_up(path: str, sample: Sample, spaces: dict[str, Mapping[str, Any]]) -> Any:
    name, _, rest = path.partition(".")
    if name not in ("item", "sample"):
        raise MissingVariable(path, "only item and sample have variables", models_fault=False)
    if name not in spaces:
        spaces[name] = sample.row if name == "item" else sample_namespace(sample)
    models_fault = name == "sample" and re.match(r"output_json\b", rest) is not None
    if models_fault and "output_json" not in spaces[name]:
        raise MissingVariable(path, f"the output is no JSON: {short(sample.completion)}", models_fault)
    named = name == "item" and rest in spaces[name]  # a column whose name holds a dot
    value = spaces[name][rest] if named else _walk(spaces[name], rest, path, models_fault)
    if name == "item" and value is None:  # as a table has it where a row lacks the column
        raise MissingVariable(path, "it is null", models_fault=False)
    return value


def _walk(value: Any, rest: str, path: str, models_fault: bool) -> Any:
    steps = list(_STEP.finditer(rest))
    if not rest or "".join(step.group() for step in steps) != rest:
        raise MissingVariable(
            path, "a path such as item.answer or sample.output_json.people[0].name is expected", False
        )
    for step in steps:
        key, place = step.groups()
        if key is not None and isinstance(value, Mapping) and key in value:
            value = value[key]
        elif place is not None and isinstance(value, list | tuple) and int(place[:9]) < len(value):
            value = value[int(place[:9])]
        else:
            raise MissingVariable(path, f"there is no {step.group().lstrip('.')} in it", models_fault)
    return value
