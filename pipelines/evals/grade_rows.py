"""Graded outputs as `grade run` shows them: one record a row in OpenAI's words, and a summary with intervals."""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from graders.base import Grade, Grader
from graders.statistics import paired_bootstrap, wilson_interval
from pipelines.data.outputs import Outputs
from pipelines.data.rows import Row
from pipelines.data.split import prompt_hash
from pipelines.evals.trials import Progress, grade_outputs


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RowGrade(_Record):
    """row: its number in the file. reward: the grader's own number (OpenAI's reward). score: the same in [0, 1].

    reward, score and passed are null when unscored. errors: OpenAI's names of those that occurred.
    """

    row: int
    reward: float | None
    score: float | None
    passed: bool | None
    reason: str
    sub_rewards: Mapping[str, float | None]
    errors: tuple[str, ...]


class Mean(_Record):
    """A mean with its 95 % bootstrap interval over prompts."""

    mean: float
    low: float
    high: float


class Summary(_Record):
    """n: all rows. score and pass_rate are of the scored ones.

    unscored_reasons, errors: with their counts, the commonest first. seconds: for all rows together.
    """

    n: int
    scored: int
    score: Mean | None
    pass_rate: float | None
    pass_interval: tuple[float, float]
    unscored: int
    unscored_reasons: Mapping[str, int]
    errors: Mapping[str, int]
    seconds: float
    milliseconds_a_row: float


def grade_rows(
    grader: Grader, outputs: Outputs, progress: Progress = lambda done, of: None
) -> tuple[list[RowGrade], Summary]:
    """Grades every output as training would."""
    started = time.perf_counter()
    grades = grade_outputs(grader, list(outputs), progress)
    seconds = time.perf_counter() - started
    records = [_record(row.number, grader, grade) for row, grade in zip(outputs.rows.rows, grades, strict=True)]
    return records, _summary(records, [_prompt_key(row) for row in outputs.rows.rows], seconds)


def _prompt_key(row: Row) -> str:
    """Rows without a prompt are no one prompt: each stands for itself."""
    asked = row.messages and row.messages[-1]["role"] == "user"
    return prompt_hash(row) if asked else f"row {row.number}"


def _record(number: int, grader: Grader, grade: Grade) -> RowGrade:
    raw = grade.score if grade.raw is None else grade.raw
    return RowGrade(
        row=number,
        reward=None if grade.score is None else raw,
        score=grade.score,
        passed=grader.passed(grade),
        reason=grade.reason,
        sub_rewards=dict(grade.parts),
        errors=grade.errors,
    )


def _summary(records: Sequence[RowGrade], prompts: Sequence[str], seconds: float) -> Summary:
    pairs = [
        (record.score, prompt) for record, prompt in zip(records, prompts, strict=True) if record.score is not None
    ]
    passed = sum(record.passed is True for record in records)
    low, high = wilson_interval(passed, len(pairs))
    return Summary(
        n=len(records),
        scored=len(pairs),
        score=_mean([score for score, _ in pairs], [prompt for _, prompt in pairs]) if pairs else None,
        pass_rate=passed / len(pairs) if pairs else None,
        pass_interval=(low, high),
        unscored=len(records) - len(pairs),
        unscored_reasons=dict(Counter(r.reason for r in records if r.score is None).most_common(10)),
        errors=dict(Counter(error for record in records for error in record.errors).most_common()),
        seconds=round(seconds, 4),
        milliseconds_a_row=round(1000 * seconds / len(records), 4),
    )


def _mean(scores: Sequence[float], prompts: Sequence[str]) -> Mean:
    low, high = paired_bootstrap(scores, prompts, n_resamples=2000)
    return Mean(mean=math.fsum(scores) / len(scores), low=low, high=high)
