"""multi: several graders and a formula over their values, as OpenAI has it.

In: `graders`, a map name → grader, of OpenAI's types and ours; `calculate_output`, see graders/formula.py. Out: the
formula's value on `range` (OpenAI names none; ours is [0, 1] unless declared); `parts` holds what the formula got.
The value of a grader that declares a `range` is its own number, as OpenAI has it; of every other its score.
A grader that could not judge leaves the whole unscored, with its reason, unless the formula does not name it. One that
says that the model's JSON does not parse counts as 0, and the formula goes on. A formula without a value is unscored.
Accepted as well: a list of graders or a single one, known by `name`, or as the API reference has it by its type
(`string_check_score`) where the formula says so. A multi inside a multi is refused.
Source: OpenAI's guide "Graders" and its openapi.yaml (2026-08), GraderMulti.
The graders' own type comes from graders/union.py, which completes this class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from graders.base import Grade, Grader, Sample
from graders.formula import FormulaError, parse_formula
from graders.ranges import UNIT, Range, ranged, threshold_as_pass_at

if TYPE_CHECKING:
    from graders.union import OneGrader


class Multi(Grader):
    """A formula over the values of several graders. OpenAI's `multi`."""

    type: Literal["multi"] = "multi"
    name: str | None = Field(None, description="A name of your choice.")
    graders: dict[str, "OneGrader"] = Field(min_length=1, description="Graders by the names that the formula uses.")
    calculate_output: str = Field(description="Formula over the graders' names: 0.5 * text + 0.5 * label.")
    range: Range = Field(UNIT, description="Lowest and highest value of the formula; it is scaled to [0, 1].")

    @model_validator(mode="before")
    @classmethod
    def _as_openai_has_it(cls, fields: Any) -> Any:
        fields = threshold_as_pass_at(fields)
        if not isinstance(fields, Mapping) or "graders" not in fields:
            return fields
        graders = _by_name(fields["graders"], str(fields.get("calculate_output", "")))
        if isinstance(graders, Mapping) and any(_type_of(grader) == "multi" for grader in graders.values()):
            raise ValueError("a multi grader cannot hold another one; write their formulas as one")
        return {**fields, "graders": graders}

    @field_validator("calculate_output")
    @classmethod
    def _parses(cls, formula: str) -> str:
        try:
            parse_formula(formula)
        except FormulaError as error:
            raise ValueError(f"formula_parse_error: {error}") from None
        return formula

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        unknown = [name for name in parse_formula(self.calculate_output).names if name not in self.graders]
        if unknown:
            known = ", ".join(self.graders)
            raise ValueError(
                f"formula_parse_error: the formula names {', '.join(unknown)}, and no grader has that name (there are: "
                f"{known}; a name that a formula uses is letters, digits and _)"
            )
        return self

    @property
    def needs_reference(self) -> bool:
        """Whether one of the graders does."""
        return any(grader.needs_reference for grader in self.graders.values())

    def fitted(self, references: Sequence[object]) -> Self:
        """Each of the graders fitted."""
        fitted = {name: grader.fitted(references) for name, grader in self.graders.items()}
        return self.model_copy(update={"graders": fitted})

    def files(self) -> tuple[str, ...]:
        """The files of all graders."""
        return tuple(file for grader in self.graders.values() for file in grader.files())

    def guards(self) -> tuple[str, ...]:
        """Those of all graders."""
        return tuple(dict.fromkeys(guard for grader in self.graders.values() for guard in grader.guards()))

    def grade(self, sample: Sample) -> Grade:
        return self.grade_all([sample])[0]

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        """Each grader gets all samples at once, so that a judge or sandbox can batch them."""
        columns = [grader.grade_all(samples) for grader in self.graders.values()]
        return [self._combined(dict(zip(self.graders, grades, strict=True))) for grades in zip(*columns, strict=True)]

    def _combined(self, unordered: Mapping[str, Grade]) -> Grade:
        formula = parse_formula(self.calculate_output)
        order = [*formula.names, *sorted(unordered.keys() - set(formula.names))]  # YAML may come back in another one
        grades = {name: unordered[name] for name in order}
        parts = {name: _value(self.graders[name], grade) for name, grade in grades.items()}
        errors = tuple(dict.fromkeys(error for grade in grades.values() for error in grade.errors))
        said = "; ".join(f"{name} {_shown(parts[name])}: {grade.reason}" for name, grade in grades.items())
        values = {name: value for name, value in parts.items() if value is not None}
        if lacking := [name for name in formula.names if name not in values]:
            reason = f"{', '.join(lacking)} could not judge; {said}"
            return Grade(None, reason, parts=parts, errors=errors or ("other_error",))
        try:
            result = formula.value(values)
        except FormulaError as error:
            reason = f"the formula has no value: {error}; {said}"
            return Grade(None, reason, parts=parts, errors=(*errors, "other_error"))
        grade = ranged(result, self.range, f"{self.calculate_output} = {result:g}; {said}", parts=parts, errors=errors)
        return grade if grade.score is not None else replace(grade, errors=(*errors, "other_error"))


def _by_name(graders: object, formula: str) -> object:
    """A list of graders, or a single one, as a map; whatever else as it is."""
    single = isinstance(graders, Mapping) and isinstance(graders.get("type"), str)
    listed = [graders] if single else graders
    if not isinstance(listed, list | tuple):
        return graders
    types = [_type_of(grader) for grader in listed]
    named = {}
    for place, grader in enumerate(listed):
        by_type = f"{types[place]}_score"
        name = grader.get("name") if isinstance(grader, Mapping) else getattr(grader, "name", None)
        if types.count(types[place]) == 1 and by_type in _names(formula):
            name = by_type
        if not isinstance(name, str) or name in named:
            raise ValueError(f"grader {place + 1} of the list needs a name of its own; the formula knows it by that")
        named[name] = grader
    return named


def _names(formula: str) -> tuple[str, ...]:
    try:
        return parse_formula(formula).names
    except FormulaError:  # reported by its own field
        return ()


def _type_of(grader: object) -> object:
    return grader.get("type") if isinstance(grader, Mapping) else getattr(grader, "type", None)


def _value(grader: Grader, grade: Grade) -> float | None:
    """What the formula gets: the grader's own number where it declares a range, else its score."""
    in_own_units = "range" in type(grader).model_fields and grade.raw is not None
    return grade.raw if in_own_units and grade.score is not None else grade.score


def _shown(value: float | None) -> str:
    return "unscored" if value is None else f"{value:.4g}"
