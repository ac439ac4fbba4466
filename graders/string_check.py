"""string_check: OpenAI's comparison of two texts that templates fill: eq, ne, like (contains), ilike (without case).

In: `input` and `reference`, each a template such as `{{sample.output_text}}`; a Sample. Out: 1 or 0.
The guide's misspelling `neq` is read as `ne`. One thing is stricter than OpenAI's: an empty text is contained in every
text, so `like` and `ilike` with an empty reference tell nothing. It is unscored where the row left it empty, and 0
where the model did. Source: OpenAI's guide "Graders" and its openapi.yaml (2026-08), GraderStringCheck.
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.ranges import threshold_as_pass_at
from graders.template import MissingVariable, fill_all, reads
from graders.texts import short

_SAID = {
    "eq": ("equals", "is not"),
    "ne": ("is not", "equals"),
    "like": ("contains", "does not contain"),
    "ilike": ("contains, but for case,", "does not contain"),
}


class StringCheck(Grader):
    """1 where two texts compare as `operation` says, else 0. OpenAI's `string_check`."""

    type: Literal["string_check"] = "string_check"
    name: str | None = Field(None, description="A name of your choice.")
    input: str = Field(description="Template of the text that is checked, such as {{sample.output_text}}.")
    reference: str = Field(description="Template of the text it is checked against, such as {{item.answer}}.")
    operation: Literal["eq", "ne", "like", "ilike"] = Field(
        description="eq: equal; ne: not equal; like: input contains reference; ilike: the same without case."
    )

    @model_validator(mode="before")
    @classmethod
    def _threshold(cls, fields: Any) -> Any:
        return threshold_as_pass_at(fields)

    @field_validator("operation", mode="before")
    @classmethod
    def _misspelt(cls, operation: Any) -> Any:
        return "ne" if operation == "neq" else operation

    @property
    def needs_reference(self) -> bool:
        """Whether the row is read at all."""
        return reads("item", self.input, self.reference)

    def grade(self, sample: Sample) -> Grade:
        try:
            text, reference = fill_all((self.input, self.reference), sample)
        except MissingVariable as missing:
            return missing.grade()
        if self.operation in ("like", "ilike") and not reference.strip():
            if reads("sample", self.reference):
                return Grade(0.0, "the model left the reference empty, and any text contains it")
            return unscored("the reference is empty, and any text contains it")
        holds = self._holds(text, reference)
        said = _SAID[self.operation][0 if holds else 1]
        return Grade(float(holds), f"{short(text)} {said} {short(reference)}", extracted=text[:1000])

    def _holds(self, text: str, reference: str) -> bool:
        match self.operation:
            case "eq":
                return text == reference
            case "ne":
                return text != reference
            case "like":
                return reference in text
            case "ilike":
                return reference.casefold() in text.casefold()
