"""Baseline against final on the same rows: a paired difference, what it is worth, and one claim in plain words.

In: the graded rows of two models. Out: a Comparison. A row that is unscored on either side is left out and counted.
The interval resamples prompts (graders/statistics.py); exact McNemar stands beside it. "better" and "worse" need both:
the interval excludes 0 and p < 0.05, for on few changed rows the percentile interval alone claims too much.
"""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from graders.statistics import mcnemar_exact, minimal_detectable_effect, paired_bootstrap, wilson_interval
from pipelines.evals.grades import GradedRow

FEWEST_PROMPTS = 30
Claim = Literal["better", "worse", "no difference shown", "too few rows"]
_Pair = tuple[GradedRow, GradedRow]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rate(_Record):
    """A pass rate as a share of n rows with its 95 % Wilson interval; None where no row is scored."""

    pass_rate: float | None
    low: float
    high: float
    n: int
    mean_score: float | None


class Difference(_Record):
    """final - baseline in percentage points, with the ends of its 95 % interval."""

    points: float
    low: float
    high: float


class Comparison(_Record):
    """Two models on the same n rows.

    won, lost: rows that pass only with the final model, only with the baseline. unscored_*: rows without a score on
    that side; left_out: on either. A metric that judges nothing right or wrong (likelihood) has a score_difference
    alone, and its claim rests on that interval. smallest_visible_points: the difference that this many rows show four
    times in five.
    """

    baseline: Rate
    final: Rate
    difference: Difference | None
    score_difference: Difference | None
    won: int
    lost: int
    mcnemar_p: float
    n: int
    n_prompts: int
    unscored_baseline: int
    unscored_final: int
    left_out: int
    smallest_visible_points: float | None
    claim: Claim


def compare(
    baseline: Sequence[GradedRow], final: Sequence[GradedRow], seed: int = 0, alpha: float = 0.05
) -> Comparison:
    """alpha: how often a claim may be wrong and an interval miss; less where several comparisons share the 5 %.

    Raises ValueError when the two do not hold the same rows: then there is nothing to pair.
    """
    pairs = _paired(baseline, final)
    scored = [(a, b) for a, b in pairs if a.score is not None and b.score is not None]
    prompts = [a.prompt_key for a, _ in scored]
    won = sum(bool(b.passed) and not a.passed for a, b in scored)
    lost = sum(bool(a.passed) and not b.passed for a, b in scored)
    judged = [(a, b) for a, b in scored if a.passed is not None and b.passed is not None]
    passes = [float(bool(b.passed)) - float(bool(a.passed)) for a, b in judged]
    difference = _difference(passes, [a.prompt_key for a, _ in judged], seed, alpha)
    score_difference = _difference([(b.score or 0) - (a.score or 0) for a, b in scored], prompts, seed, alpha)
    p = mcnemar_exact(won, lost)
    n_prompts = len(set(prompts))
    return Comparison(
        baseline=rate([a for a, _ in scored], alpha),
        final=rate([b for _, b in scored], alpha),
        difference=difference,
        score_difference=score_difference,
        won=won,
        lost=lost,
        mcnemar_p=p,
        n=len(scored),
        n_prompts=n_prompts,
        unscored_baseline=sum(a.score is None for a, _ in pairs),
        unscored_final=sum(b.score is None for _, b in pairs),
        left_out=len(pairs) - len(scored),
        smallest_visible_points=_smallest_visible(won + lost, len(scored), n_prompts),
        claim=_claim(difference, p, n_prompts, alpha) if judged else _claim(score_difference, 0.0, n_prompts, alpha),
    )


def rate(rows: Sequence[GradedRow], alpha: float = 0.05) -> Rate:
    """The pass rate of the rows that have a score; its interval misses in `alpha` of the cases."""
    scores = [row.score for row in rows if row.score is not None]
    n, passed = len(scores), sum(row.passed is True for row in rows)
    low, high = wilson_interval(passed, n, 1 - alpha)
    mean_score = math.fsum(scores) / n if n else None
    judged = any(row.passed is not None for row in rows)
    return Rate(pass_rate=passed / n if judged and n else None, low=low, high=high, n=n, mean_score=mean_score)


def _paired(baseline: Sequence[GradedRow], final: Sequence[GradedRow]) -> list[_Pair]:
    answers = {row.index: row for row in final}
    if len(answers) != len(final) or sorted(answers) != sorted(row.index for row in baseline):
        raise ValueError("the two models did not answer the same rows, once each")
    pairs = [(row, answers[row.index]) for row in baseline]
    changed = [a.index for a, b in pairs if a.prompt_key != b.prompt_key]
    if changed:
        raise ValueError(f"the prompt of row {changed[0]} is not the same on both sides ({len(changed)} such rows)")
    return pairs


def _difference(values: list[float], prompts: list[str], seed: int, alpha: float) -> Difference | None:
    if not values:
        return None
    low, high = paired_bootstrap(values, prompts, confidence=1 - alpha, seed=seed)
    return Difference(points=_points(math.fsum(values) / len(values)), low=_points(low), high=_points(high))


def _points(share: float) -> float:
    return round(100 * share, 9)


def _smallest_visible(changed: int, n: int, n_prompts: int) -> float | None:
    """From the share of rows that changed, one row added lest no change at all would make every effect visible.

    Prompts are counted, not rows: repeated prompts add little. Under six changed rows p cannot fall below 0.05.
    """
    if not n:
        return None
    effect = minimal_detectable_effect(n_prompts, (changed + 1) / (n + 1))
    return 100 * min(1.0, max(effect, 6 / n_prompts))


def _claim(difference: Difference | None, p: float, n_prompts: int, alpha: float) -> Claim:
    if difference is None or n_prompts < FEWEST_PROMPTS:
        return "too few rows"
    if p < alpha and difference.low > 0:
        return "better"
    if p < alpha and difference.high < 0:
        return "worse"
    return "no difference shown"
