"""Texts graded as training would grade them, with what each was tried for and how long it took."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graders.base import Grade, Grader, Sample
from pipelines.data.rows import Row
from pipelines.evals.cases import Case
from pipelines.evals.probes import Probe
from pipelines.rewards import answer_of, sample_of

HALF_CREDIT = 0.5
"""Five deliberately bad outputs must each score under 5/10 (Azure's RFT skill, grader design)."""
_BATCH, _TIMED = 256, 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """One text of one probe on one row, and what the grader made of it."""

    probe: Probe
    case: Case
    text: str
    grade: Grade
    passed: bool | None

    @property
    def wrong(self) -> bool:
        """A refused right answer, or an accepted bad one; what is unscored is neither."""
        if self.grade.score is None:
            return False
        if self.probe.wanted == "high":
            return not self.passed
        return bool(self.passed) or (not self.probe.credit_due and self.grade.score >= HALF_CREDIT)

    @property
    def crashed(self) -> bool:
        """Unscored for a reason of the grader's own, not for a reference that cannot be used."""
        return self.grade.score is None and bool(self.grade.errors)


def grade_outputs(
    grader: Grader, texts: Sequence[tuple[Row, str]], progress: Progress = lambda done, of: None
) -> list[Grade]:
    """What training would make of these texts, each with its row; the reasoning block is taken off first."""
    samples = [sample_of(row, answer_of(text)) for row, text in texts]
    grades: list[Grade] = []
    for start in range(0, len(samples), _BATCH):
        progress(start, len(samples))
        grades += grader.grade_all(samples[start : start + _BATCH])
    return grades


def one_by_one(grader: Grader) -> bool:
    """Whether it grades each text by itself, fast and here: a judge or a sandbox has batches of its own."""
    return type(grader).grade_all is Grader.grade_all


def grade_texts(
    grader: Grader, planned: Sequence[tuple[Probe, Case, str]], progress: Progress = lambda done, of: None
) -> tuple[list[Trial], list[float]]:
    """The trials in order, and seconds of single grades: all of them where the grader has no batches of its own."""
    samples = [sample_of(case.row, answer_of(text)) for _, case, text in planned]
    grades: list[Grade] = []
    seconds: list[float] = []
    single = one_by_one(grader)
    for start in range(0, len(samples), _BATCH):
        progress(start, len(samples))
        batch = samples[start : start + _BATCH]
        grades += _one_by_one(grader, batch, seconds) if single else grader.grade_all(batch)
    if not single:
        _one_by_one(grader, samples[:: max(1, len(samples) // _TIMED)][:_TIMED], seconds)
    return [
        Trial(probe, case, text, grade, grader.passed(grade))
        for (probe, case, text), grade in zip(planned, grades, strict=True)
    ], seconds


def _one_by_one(grader: Grader, samples: Sequence[Sample], seconds: list[float]) -> list[Grade]:
    grades = []
    for sample in samples:
        started = time.perf_counter()
        grades += grader.grade_all([sample])
        seconds.append(time.perf_counter() - started)
    return grades
