"""The contract of every grader: a Sample goes in, a Grade comes out.

A wrong answer scores 0. A reference that cannot be used, or a grader that fails, is unscored (None): a grader's
failure is never the model's zero.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer to be graded.

    prompt: the last user turn. completion: what the model wrote after its reasoning block, if it has one.
    messages: the whole prompt as chat turns; empty where only its last turn is known.
    reference: what a right answer is compared with, or None. row: all columns of the data row, as read.
    reasoning: the text of the reasoning block, if the chat template has one.
    """

    prompt: str
    completion: str
    reference: object = None
    row: Mapping[str, Any] = field(default_factory=dict)
    reasoning: str = ""
    messages: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """score: in [0, 1], or None when unscored. raw: the grader's own number. parts: sub-scores by name.

    extracted: the answer that was found in the completion; None where there was none, or none is looked for.
    errors: what went wrong, in OpenAI's words (`sample_parse_error`, `python_grader_runtime_error`, ...).
    """

    score: float | None
    reason: str
    extracted: str | None = None
    raw: float | None = None
    parts: Mapping[str, float | None] = field(default_factory=dict)
    errors: tuple[str, ...] = ()


def unscored(reason: str, *errors: str) -> Grade:
    """The grader could not judge; the row counts for nothing, neither right nor wrong."""
    return Grade(score=None, reason=reason, errors=errors)


class Grader(BaseModel, ABC):
    """A grader is its own config: the fields are the YAML keys, and `grade` is the one method.

    A row passes when its score is at least `pass_at`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pass_at: float = Field(1.0, gt=0, le=1, description="A row passes when its score is at least this.")

    @model_serializer(mode="wrap")
    def _with_its_type(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """`type` is written even where defaults are left out, or a grader inside a grader could not be read back."""
        return {"type": getattr(self, "type", None), **fields(self)}

    @property
    def needs_reference(self) -> bool:
        """Whether a right answer depends on the row's reference. Where not (`format`), any row's answer may pass.

        A grader for which it never does overrides this with `needs_reference: ClassVar[bool] = False`.
        """
        return True

    def fitted(self, references: Sequence[object]) -> Self:  # noqa: ARG002 - most graders have nothing to read
        """This grader with what was left open read from the references of the rows, such as the labels of `choice`.

        Called once, when a plan is written; the plan then names what was read.
        """
        return self

    @abstractmethod
    def grade(self, sample: Sample) -> Grade:
        """Grades one sample; raises only when the grader itself is broken or out of reach."""

    def files(self) -> tuple[str, ...]:
        """Files whose content decides grades, relative to the plan's folder; a change of one reruns the stage."""
        return ()

    def guards(self) -> tuple[str, ...]:
        """What confines the code that this grader runs ("landlock v7", "seccomp", ...); empty where it runs none."""
        return ()

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        """Grades many, in order. A grader that raises leaves that sample unscored, with the error as reason."""
        return [self._guarded(sample) for sample in samples]

    def _guarded(self, sample: Sample) -> Grade:
        try:
            return self.grade(sample)
        except Exception as error:  # noqa: BLE001 - whatever a grader raises is its failure, never the model's zero
            return unscored(f"grader failed: {type(error).__name__}: {error}", "other_error")

    def reward(self, grade: Grade) -> float | None:
        """What training gets for a grade: its score. A reward model gives its own number, which has no bounds."""
        return grade.score

    def passed(self, grade: Grade) -> bool | None:
        """Whether the grade passes; None when unscored. Scores are rounded to 9 places before comparing."""
        return None if grade.score is None else round(grade.score, 9) >= self.pass_at
