"""json_fields: the completion is JSON whose fields are compared with the reference's, with credit per field.

In: a completion; a reference that is a mapping or list, the same as JSON text, or, where `fields` names columns, the
row. Out: the weighted share of right fields. A field is a leaf, `address.city` or `items[0].name`; a rule may also name
a list, an object, or `items[*].name`, the name of each item, which share the rule's weight.
Missing (or null), wrong, wrong-type and extra fields are told apart in the reason. `parts` has each field's share, and
then the shares of all fields that are missing, of the wrong type, or extra. An extra one counts as a field that is
wrong, unless `allow_extra`. See graders/json_compare.py for the rules.
Limits: lists are compared by position, unless their rule is `set`. JSON that is nested deeper than 40 levels, or that
Python cannot read, does not parse.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, field_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.json_compare import FieldRule, compared
from graders.json_values import ancestors, any_place, json_part, leaves, parsed
from graders.texts import short


class JsonFields(Grader):
    """Credit for each field of a JSON answer that agrees with the reference."""

    type: Literal["json_fields"] = "json_fields"
    fields: dict[str, FieldRule] | None = Field(
        None, description="Field: how it is compared (exact, numeric, fuzzy, set, or a mapping). None: all, exactly."
    )
    allow_extra: bool = Field(False, description="Fields that the reference does not have cost nothing.")
    allow_fences: bool = Field(True, description="The last ``` block of the completion is read when there is one.")

    @field_validator("fields", mode="before")
    @classmethod
    def _rule_by_name(cls, fields: object) -> object:
        if not isinstance(fields, Mapping):
            return fields
        return {name: {"compare": rule} if isinstance(rule, str) else rule for name, rule in fields.items()}

    @field_validator("fields")
    @classmethod
    def _apart(cls, fields: dict[str, FieldRule] | None) -> dict[str, FieldRule] | None:
        for name in fields or ():
            if over := next((above for above in ancestors(name) if above in (fields or ())), None):
                raise ValueError(f"{name} lies in {over}, which has a rule of its own: keep one of them")
        return fields

    def grade(self, sample: Sample) -> Grade:
        try:
            reference = self._reference_leaves(sample.reference)
            asked = self._asked(reference, sample.row)
        except ValueError as error:
            return unscored(f"the reference cannot be used: {error}")
        text = json_part(sample.completion) if self.allow_fences else sample.completion
        try:
            answer = leaves(parsed(text), self.fields or ())
        except ValueError as error:
            return Grade(0.0, f"the completion is no JSON to compare: {error}")
        results = _results(asked, answer)
        explained = {field.name for field in asked} | {above for field in asked for above in ancestors(field.name)}
        extra = [name for name in answer if name not in explained and name not in reference]
        return self._summed(results, extra, len(answer), text[:1000])

    def _summed(self, results: "Sequence[_Result]", extra: Sequence[str], given: int, extracted: str) -> Grade:
        counted = 0 if self.allow_extra else len(extra)
        weight = math.fsum(result.weight for result in results) + counted
        score = math.fsum(result.weight * result.score for result in results) / weight
        right = sum(result.score == 1 for result in results)
        said = [f"{right} of {len(results)} fields right", *(r.said for r in results if r.said)]
        if extra:
            said.append(f"extra{' (allowed)' if self.allow_extra else ''}: {', '.join(map(_named, extra[:5]))}")
        verdicts = Counter(result.verdict for result in results)
        parts: dict[str, float | None] = {
            "fields missing": verdicts["missing"] / len(results),
            "fields of the wrong type": verdicts["wrong type"] / len(results),
            "fields extra": len(extra) / given if given else 0.0,
        }
        shares = {result.name: result.score for result in results}
        return Grade(min(1.0, score), "; ".join(said), extracted=extracted, parts={**shares, **parts})

    def _reference_leaves(self, reference: object) -> dict[str, object]:
        if self.fields and all(rule.column is not None for rule in self.fields.values()):
            return {}
        return leaves(parsed(reference) if isinstance(reference, str) else reference, self.fields or ())

    def _asked(self, reference: Mapping[str, object], row: Mapping[str, Any]) -> "list[_Asked]":
        """The fields that this row is graded on. Raises ValueError when one that must be there is not."""
        if not self.fields:
            asked = [_Asked(name, FieldRule(), 1.0, value) for name, value in reference.items()]
        else:
            asked = [field for name, rule in self.fields.items() for field in _asked(name, rule, reference, row)]
        if not asked:
            raise ValueError("it has no field")
        return asked


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    rule: FieldRule
    weight: float
    value: object


@dataclass(frozen=True, slots=True)
class _Result:
    name: str
    weight: float
    score: float
    verdict: Literal["right", "partly right", "wrong", "missing", "wrong type"]
    said: str


def _asked(name: str, rule: FieldRule, reference: Mapping[str, object], row: Mapping[str, Any]) -> list[_Asked]:
    """The fields that a rule speaks of, with their values; they share its weight."""
    if rule.column is not None:
        found = {name: row[rule.column]} if rule.column in row else {}
    elif "[*]" in name:
        found = {path: value for path, value in reference.items() if any_place(path) == name}
    else:
        found = {name: reference[name]} if name in reference else {}
    if not found and not rule.optional:
        raise ValueError(f"no field {name!r}" if rule.column is None else f"no column {rule.column!r}")
    return [_Asked(path, rule, rule.weight / len(found), value) for path, value in found.items()]


def _results(asked: Sequence[_Asked], answer: Mapping[str, object]) -> list[_Result]:
    lacking = {field.name for field in asked if field.name not in answer}
    deeper = {above for path in answer for above in ancestors(path) if above in lacking} if lacking else set()
    return [_result(field, answer, field.name in deeper) for field in asked]


def _result(field: _Asked, answer: Mapping[str, object], deeper: bool) -> _Result:
    name, shown = field.name, _named(field.name)
    given = answer.get(name)
    if name not in answer or (given is None and field.value is not None):
        return _absent(field, answer, deeper)
    score = compared(given, field.value, field.rule)
    beside = f"{shown} is {short(given, 30)}, wanted {short(field.value, 30)}"
    if score is None:
        return _Result(name, field.weight, 0.0, "wrong type", f"wrong type: {beside}")
    if score == 1:
        return _Result(name, field.weight, 1.0, "right", "")
    if score == 0:
        return _Result(name, field.weight, 0.0, "wrong", f"wrong: {beside}")
    return _Result(name, field.weight, score, "partly right", f"{score:.2f} alike: {beside}")


def _absent(field: _Asked, answer: Mapping[str, object], deeper: bool) -> _Result:
    name, shown = field.name, _named(field.name)
    flat = next((above for above in ancestors(name) if answer.get(above) not in (None, {}, [])), None)
    if deeper or flat is not None:
        nested = f"{_named(flat)} is {short(answer[flat], 30)}" if flat is not None else "it has fields of its own"
        return _Result(name, field.weight, 0.0, "wrong type", f"wrong type: {shown} ({nested})")
    null = " is null" if name in answer else ""
    return _Result(name, field.weight, 0.0, "missing", f"missing: {shown}{null}")


def _named(name: str) -> str:
    return " ".join(name[:60].split()) or '""'
