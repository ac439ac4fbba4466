"""Completions → graded rows: the one place where a grader meets a model's answers outside of training."""

from collections.abc import Sequence

from graders.base import Grade, Grader
from pipelines.data.rows import Row
from pipelines.data.split import prompt_hash
from pipelines.evals.grades import GradedRow
from pipelines.rewards import sample_of
from pipelines.sampling import Completion
from pipelines.shares import shared


def grade_completions(grader: Grader, rows: Sequence[Row], completions: Sequence[Completion]) -> list[GradedRow]:
    """Grades one completion a row, in order."""
    samples = [sample_of(row, completion) for row, completion in zip(rows, completions, strict=True)]
    grades = grader.grade_all(samples)
    asked = zip(rows, completions, grades, strict=True)
    return [graded_row(row, completion, grade, grader.passed(grade)) for row, completion, grade in asked]


def grade_together(grader: Grader, rows: Sequence[Row], completions: Sequence[Completion]) -> list[GradedRow]:
    """The same; several processes share them, and all get all grades."""
    asked = list(zip(rows, completions, strict=True))
    return shared(asked, lambda own: grade_completions(grader, [row for row, _ in own], [one for _, one in own]))


def grade_groups(grader: Grader, rows: Sequence[Row], answers: Sequence[Sequence[Completion]]) -> list[list[GradedRow]]:
    """Of several completions a row; shared in the same way."""
    asked = list(zip(rows, answers, strict=True))
    return shared(asked, lambda own: [grade_completions(grader, [row] * len(some), some) for row, some in own])


def graded_row(row: Row, completion: Completion, grade: Grade, passed: bool | None) -> GradedRow:
    """The record of one answer; `passed` is what the grader makes of the grade."""
    return GradedRow(
        index=row.number,
        prompt=row.prompt,
        prompt_key=prompt_hash(row),
        completion=completion.text,
        reasoning=completion.reasoning,
        reference=row.expected,
        score=grade.score,
        passed=passed,
        reason=grade.reason,
        extracted=grade.extracted,
        raw=grade.raw,
        parts=dict(grade.parts),
        num_tokens=completion.num_tokens,
        truncated=completion.truncated,
    )
