"""json_fields: the completion is JSON whose fields are compared with the reference's, with credit per field.

In: a completion; a reference that is a mapping or list, the same as JSON text, or, where `fields` names columns, the
row. Out: the weighted share of right fields; `parts` has each. A field is a leaf: `address.city`, `items[0].name`.
Missing, wrong, wrong-type and extra fields are told apart in the reason; an extra one counts as a field that is wrong.
`fuzzy` is rapidfuzz's ratio, the share of characters that two texts have in common, without case.
Limits: lists are compared by position. JSON deeper than 40 levels, or that Python cannot read, does not parse.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from rapidfuzz import fuzz

from graders.base import Grade, Grader, Sample, unscored
from graders.numbers import last_number, plain
from graders.texts import short

_MAX_DEPTH = 40
_FENCE = re.compile(r"^[ \t]*```[^\n`]*$", re.MULTILINE)


class FieldRule(BaseModel):
    """How one field is compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    compare: Literal["exact", "numeric", "fuzzy"] = Field(
        "exact",
        description="exact: equal but for runs of spaces; numeric: as numbers, text or not; fuzzy: share of text.",
    )
    weight: float = Field(1.0, gt=0, allow_inf_nan=False)
    tolerance: float = Field(0.0, ge=0, allow_inf_nan=False, description="numeric: the allowed difference.")
    min_similarity: float = Field(0.6, ge=0, le=1, description="fuzzy: less than this scores 0.")
    column: str | None = Field(None, description="Compare with this column of the row, not with the reference.")


class JsonFields(Grader):
    """Credit for each field of a JSON answer that agrees with the reference."""

    type: Literal["json_fields"] = "json_fields"
    fields: dict[str, FieldRule] | None = Field(
        None, description="Field: how it is compared (exact, numeric, fuzzy, or a mapping). None: all, exactly."
    )
    allow_extra: bool = Field(False, description="Fields that the reference does not have cost nothing.")
    allow_fences: bool = Field(True, description="The last ``` block of the completion is read when there is one.")

    @field_validator("fields", mode="before")
    @classmethod
    def _rule_by_name(cls, fields: object) -> object:
        if not isinstance(fields, Mapping):
            return fields
        return {name: {"compare": rule} if isinstance(rule, str) else rule for name, rule in fields.items()}

    def grade(self, sample: Sample) -> Grade:
        try:
            leaves = self._reference_leaves(sample.reference)
            expected = self._expected(leaves, sample.row)
        except ValueError as error:
            return unscored(f"the reference cannot be used: {error}")
        text = _unfenced(sample.completion) if self.allow_fences else sample.completion
        try:
            answer = _leaves(_parsed(text))
        except ValueError as error:
            return Grade(0.0, f"the completion is no JSON to compare: {error}", extracted=text[:1000])
        results = [_compared(name, rule, value, answer) for name, (rule, value) in expected.items()]
        extra = [name for name in answer if name not in expected and name not in leaves]
        return self._summed(results, extra, text[:1000])

    def _summed(self, results: "list[_Result]", extra: list[str], extracted: str) -> Grade:
        counted = 0 if self.allow_extra else len(extra)
        weight = math.fsum(result.rule.weight for result in results) + counted
        score = math.fsum(result.rule.weight * result.score for result in results) / weight
        right = sum(result.score == 1 for result in results)
        said = [f"{right} of {len(results)} fields right", *(r.said for r in results if r.said)]
        if extra:
            said.append(f"extra{' (allowed)' if self.allow_extra else ''}: {', '.join(map(_named, extra[:5]))}")
        parts: dict[str, float | None] = {result.name: result.score for result in results}
        return Grade(min(1.0, score), "; ".join(said), extracted=extracted, parts=parts)

    def _reference_leaves(self, reference: object) -> dict[str, object]:
        if self.fields and all(rule.column is not None for rule in self.fields.values()):
            return {}
        return _leaves(_parsed(reference) if isinstance(reference, str) else reference)

    def _expected(self, leaves: Mapping[str, object], row: Mapping[str, Any]) -> dict[str, tuple[FieldRule, object]]:
        """Field → its rule and its value. Raises ValueError when a field or column is not there."""
        if self.fields:
            return {name: (rule, _looked_up(name, rule, leaves, row)) for name, rule in self.fields.items()}
        if not leaves:
            raise ValueError("it has no field")
        return {name: (FieldRule(), value) for name, value in leaves.items()}


@dataclass(frozen=True, slots=True)
class _Result:
    name: str
    rule: FieldRule
    score: float
    said: str


def _looked_up(name: str, rule: FieldRule, leaves: Mapping[str, object], row: Mapping[str, Any]) -> object:
    values, key, kind = (leaves, name, "field") if rule.column is None else (row, rule.column, "column")
    if key not in values:
        raise ValueError(f"no {kind} {key!r}")
    return values[key]


def _compared(name: str, rule: FieldRule, expected: object, answer: Mapping[str, object]) -> _Result:
    shown = _named(name)
    if name not in answer:
        below = any(other.startswith((f"{name}.", f"{name}[")) for other in answer)
        return _Result(name, rule, 0.0, f"wrong type: {shown}" if below else f"missing: {shown}")
    given = answer[name]
    score = _COMPARE[rule.compare](given, expected, rule)
    if score is None:
        return _Result(name, rule, 0.0, f"wrong type: {shown} is {short(given, 30)}, wanted {short(expected, 30)}")
    if score == 1:
        return _Result(name, rule, 1.0, "")
    verdict = "wrong" if score == 0 else f"{score:.2f} alike"
    return _Result(name, rule, score, f"{verdict}: {shown} is {short(given, 30)}, wanted {short(expected, 30)}")


def _exact(given: object, expected: object, _: FieldRule) -> float | None:
    if isinstance(given, str) and isinstance(expected, str):
        return float(given.split() == expected.split())
    if _kind(given) != _kind(expected):
        return None
    return float(given == expected)


def _numeric(given: object, expected: object, rule: FieldRule) -> float | None:
    wanted, found = _number(expected), _number(given)
    if wanted is None:
        return _exact(given, expected, rule)
    if found is None:
        return None
    return float(abs(found - wanted) <= max(rule.tolerance, 1e-12 * abs(wanted)))


def _fuzzy(given: object, expected: object, rule: FieldRule) -> float | None:
    if not (isinstance(given, str) and isinstance(expected, str)):
        return _exact(given, expected, rule)
    if given == expected:
        return 1.0
    left, right = (" ".join(text.casefold().split()) for text in (given, expected))
    return fuzz.ratio(left, right, score_cutoff=100 * rule.min_similarity) / 100


_COMPARE = {"exact": _exact, "numeric": _numeric, "fuzzy": _fuzzy}


def _number(value: object) -> float | None:
    """A finite number, or a text that is one but for spaces, currency, thousands and percent signs."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = last_number(plain(str(value)[:100]))
    if found is None or re.search(r"[0-9]", plain(str(value)[:100])[: found.start]):
        return None
    return float(found.value) / (100 if found.percent else 1)


def _kind(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


def _unfenced(text: str) -> str:
    """The inside of the last ``` block; the text itself when there is none. An unclosed block goes to the end."""
    marks = list(_FENCE.finditer(text))
    if not marks:
        return text
    if len(marks) % 2:
        return text[marks[-1].end() :]
    return text[marks[-2].end() : marks[-1].start()]


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos}: {short(text)}") from None


def _leaves(value: object) -> dict[str, object]:
    """Path → leaf value; an empty mapping or list is a leaf. Raises ValueError when it is neither or too deep."""
    if not isinstance(value, Mapping | list):
        raise ValueError(f"{short(value)} is no mapping or list")
    return dict(_walk(value, "", _MAX_DEPTH)) if value else {}


def _walk(value: object, path: str, depth: int) -> Iterator[tuple[str, object]]:
    if depth == 0:
        raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}" if path else str(key), depth - 1)
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _walk(item, f"{path}[{place}]", depth - 1)
    else:
        yield path, value


def _named(name: str) -> str:
    return " ".join(name[:60].split()) or '""'
