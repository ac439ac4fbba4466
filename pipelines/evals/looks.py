"""Stopping early without fooling oneself: rows come in up to three growing parts, and each look may err a little. Pure.

Whoever looks three times at 95 % intervals and stops when one excludes zero is wrong more often than in 5 %. So the 5 %
are spent in parts (Bonferroni): a quarter on each early look, half on the last; whatever is claimed at whichever look,
it is wrong in at most 5 % of the cases. Unequal shares, the last one largest, cost least where nothing is clear early
(O'Brien & Fleming 1979, Biometrics 35; Lan & DeMets 1983, Biometrika 70).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from graders.statistics import paired_bootstrap, wilson_interval
from pipelines.evals.compare import FEWEST_PROMPTS, Comparison, Rate
from pipelines.evals.signal import FEWEST_WITH_SPREAD, TOO_GOOD, TOO_LOW

ALPHA = 0.05
MATTERS = 0.1
"""Where surely fewer than this share of the answers change from wrong to right or back, more rows show no difference
that is worth a decision."""


@dataclass(frozen=True, slots=True)
class Look:
    """rows: how many are answered when it is taken. alpha: what of the 5 % it may spend."""

    rows: int
    alpha: float


def looks(num_rows: int, stop_early: bool) -> list[Look]:
    """After a quarter, a half and all of the rows, but never after fewer than 30; or one look, at the end."""
    early = {max(FEWEST_PROMPTS, num_rows // part) for part in (4, 2)} if stop_early else set()
    counts = sorted({count for count in early if count < num_rows} | {num_rows})
    last = ALPHA * (1 - (len(counts) - 1) / 4)
    return [*(Look(count, ALPHA / 4) for count in counts[:-1]), Look(num_rows, last)]


def rate_settled(rate: Rate) -> bool:
    """Whether it is known that a model neither gets next to nothing right nor nearly everything, or that it does."""
    return rate.low > TOO_GOOD or (rate.low > TOO_LOW and rate.high < TOO_GOOD and rate.n >= FEWEST_PROMPTS)


def difference_settled(comparison: Comparison, alpha: float) -> bool:
    """Whether it is known which of the two is better, or that it matters little."""
    if comparison.claim in ("better", "worse"):
        return True
    changed = wilson_interval(comparison.won + comparison.lost, comparison.n, 1 - alpha)
    return comparison.n_prompts >= FEWEST_PROMPTS and changed.high <= MATTERS


def signal_settled(scores: Sequence[Sequence[float]], alpha: float) -> bool:
    """Whether the verdict of pipelines/evals/signal.py would surely stay; scores: of each prompt's answers."""
    if len(scores) < FEWEST_PROMPTS:
        return False
    n, means = len(scores), [sum(some) / len(some) for some in scores]
    if wilson_interval(int(sum(means)), n, 1 - alpha).low > TOO_GOOD:
        return True
    mean = paired_bootstrap(means, range(n), n_resamples=2000, confidence=1 - alpha)
    mixed = wilson_interval(sum(len(set(some)) > 1 for some in scores), n, 1 - alpha)
    if mixed.high < FEWEST_WITH_SPREAD:
        return mean.high < 0.5 or mean.low > 0.5
    return mixed.low > FEWEST_WITH_SPREAD and mean.high < TOO_GOOD
