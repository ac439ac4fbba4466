"""math: the final expression of the completion equals the reference, as math-verify decides.

In: a completion with LaTeX or plain maths; a reference that is an expression, or a text that holds one, or a list of
accepted ones. Out: 1 or 0. Fractions, roots, sets, intervals, matrices, equations and units are math-verify's:
https://github.com/huggingface/Math-Verify, whose rules say which expression of a text is the answer (\\\\boxed{} and
"answer is" before any other, then the last). An expression that stands alone needs no dollars.
It runs in a child process (graders/math_process.py), as it needs a main thread, and what a model writes can take sympy
hours. Not decided within `seconds` of computing time: unscored, because the limit is ours and not the model's.
Limits: only the last 10,000 characters of a completion are read.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from graders.base import Grade, Grader, Sample, unscored
from graders.texts import accepted_references, short

if TYPE_CHECKING:
    from graders.math_process import Verdict

_MAX_CHARS = 10_000


class Math(Grader):
    """Right when the completion's final expression is mathematically equal to the reference."""

    type: Literal["math"] = "math"
    seconds: float = Field(
        2.0, gt=0, le=60, description="Computing time for one answer; most take a thousandth of a second."
    )

    def grade(self, sample: Sample) -> Grade:
        return self.grade_all([sample])[0]

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        from graders.math_process import verdicts

        references = [[_last_part(text) for text in accepted_references(sample.reference)] for sample in samples]
        pairs = [(texts, _last_part(sample.completion)) for texts, sample in zip(references, samples, strict=True)]
        try:
            decided = verdicts(pairs, self.seconds)
        except RuntimeError as error:
            return [unscored(f"grader failed: {error}", "other_error") for _ in samples]
        return [_grade(texts, verdict) for texts, verdict in zip(references, decided, strict=True)]


def _grade(references: Sequence[str], verdict: "Verdict") -> Grade:
    shown = " or ".join(map(short, references[:3]))
    found = None if verdict.found is None else verdict.found[:1000]
    if verdict.right is None:
        reason = f"{verdict.why}, for the reference {shown}" if references else "there is no reference to compare with"
        return Grade(None, reason, extracted=found, errors=("other_error",) if references else ())
    if verdict.right:
        return Grade(1.0, f"{short(found)} equals {shown}", extracted=found)
    if found is None:
        return Grade(0.0, "no mathematical expression in the completion")
    return Grade(0.0, f"{short(found)} is not {shown}", extracted=found)


def _last_part(text: str) -> str:
    """The last lines, with whole pairs of dollars where lines end at all."""
    if len(text) <= _MAX_CHARS:
        return text
    tail = text[-_MAX_CHARS:]
    return tail.partition("\n")[2] or tail
