"""Completions → graded rows: the one place where a grader meets a model's answers outside of training."""

from collections.abc import Sequence

from graders.base import Grader
from pipelines.data.rows import Row
from pipelines.data.split import prompt_hash
from pipelines.evals.grades import GradedRow
from pipelines.rewards import sample_of
from pipelines.sampling import Completion


def grade_completions(grader: Grader, rows: Sequence[Row], completions: Sequence[Completion]) -> list[GradedRow]:
    """Grades one completion a row, in order."""
    samples = [sample_of(row, completion) for row, completion in zip(rows, completions, strict=True)]
    grades = grader.grade_all(samples)
    return [
        GradedRow(
            index=row.number,
            prompt=row.prompt,
            prompt_key=prompt_hash(row),
            completion=completion.text,
            reasoning=completion.reasoning,
            reference=row.expected,
            score=grade.score,
            passed=grader.passed(grade),
            reason=grade.reason,
            extracted=grade.extracted,
            parts=dict(grade.parts),
            num_tokens=completion.num_tokens,
            truncated=completion.truncated,
        )
        for row, completion, grade in zip(rows, completions, grades, strict=True)
    ]
