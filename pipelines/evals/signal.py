"""What RL could learn from a policy as it is: how many groups of answers would differ in score. Pure.

In: the scores of k sampled answers to each of some prompts. Out: the share of groups of G answers with spread, for
G = 2 to 64, and a verdict. A group whose answers all score the same teaches GRPO nothing.

Estimators of the share of groups without spread, of a prompt with n scored answers, c of them with the same score v:
- up to G = n, exactly: the sum over v of C(c, G) / C(n, G). It is unbiased, as pass@k is (Chen et al. 2021).
- beyond, where answers pass or fail: pass rates of prompts as a beta distribution, fitted by maximum likelihood, and
  for each prompt the mean of p^G + (1 - p)^G given its own answers. A model: right where pass rates spread smoothly.
- beyond, where scores are in part: the share at the largest G that was measured, a lower bound, for it grows with G.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from graders.statistics import Interval, paired_bootstrap

GROUP_SIZES = (2, 4, 8, 16, 32, 64)
ENOUGH = 0.5
"""The smallest G is advised that gives this part of the share that 64 would: for the same completions a doubling from
there halves the number of groups, and wins fewer than it costs. 4 at least, for the group's mean is its baseline."""
FEWEST_WITH_SPREAD = 0.05
"""Fireworks asks for five probe rows whose answers differ in score; of 100 rows that is this share."""
TOO_LOW, TOO_GOOD = 0.01, 0.95
"""AWS's gate: RFT has nothing to start from at 0 %, and is unnecessary over 95 %. OpenAI: at the minimum or the maximum
RFT will not help."""

Verdict = Literal["starved", "saturated", "ready"]


@dataclass(frozen=True, slots=True)
class Share:
    """Of groups of `size` answers: the share with spread, its interval over prompts, and how it was estimated."""

    size: int
    share: float
    interval: Interval
    estimator: Literal["measured", "beta-binomial", "lower bound"]


def shares_with_spread(scores: Sequence[Sequence[float]], alpha: float = 0.05) -> list[Share]:
    """For each of GROUP_SIZES; scores: of each prompt's scored answers, two or more. alpha: of the intervals.

    Raises ValueError where there is no such prompt.
    """
    if not scores or min(map(len, scores)) < 2:
        raise ValueError("want prompts with at least two scored answers each")
    binary = all(score in (0.0, 1.0) for some in scores for score in some)
    prior = beta_fit([(len(some), round(sum(some))) for some in scores]) if binary else (1.0, 1.0)
    found = []
    for size in GROUP_SIZES:
        measured = size <= min(map(len, scores))
        values = [_spread(some, size, prior if binary else None) for some in scores]
        estimator: Literal["measured", "beta-binomial", "lower bound"] = "measured"
        if not measured:
            estimator = "beta-binomial" if binary else "lower bound"
        interval = paired_bootstrap(values, range(len(values)), n_resamples=2000, confidence=1 - alpha)
        found.append(Share(size, math.fsum(values) / len(values), interval, estimator))
    return found


def _spread(scores: Sequence[float], size: int, prior: tuple[float, float] | None) -> float:
    """Chance that `size` answers of this prompt do not all score the same."""
    n, counts = len(scores), Counter(scores)
    if size <= n:
        return 1 - sum(math.comb(c, size) for c in counts.values()) / math.comb(n, size)
    if prior is None:
        return float(len(counts) > 1)
    passed, failed = prior[0] + counts[1.0], prior[1] + counts[0.0]
    return 1 - _mean_power(passed, failed, size) - _mean_power(failed, passed, size)


def _mean_power(a: float, b: float, power: int) -> float:
    """Mean of p^power where p is beta(a, b)."""
    return math.exp(_log_beta(a + power, b) - _log_beta(a, b))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def beta_fit(counts: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """(a, b) of the beta distribution that makes the (answers, passed) of the prompts likeliest.

    Both stay within [0.01, 1000]: where every prompt always passes or always fails there is no finite maximum.
    """
    import numpy as np
    from scipy.optimize import minimize

    tally = Counter(counts)

    def loss(logs: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
        a, b = math.exp(logs[0]), math.exp(logs[1])
        chances = (k * (_log_beta(a + c, b + n - c) - _log_beta(a, b)) for (n, c), k in tally.items())
        return -math.fsum(chances)

    bounds = [(math.log(0.01), math.log(1000))] * 2
    best = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=bounds).x
    return math.exp(best[0]), math.exp(best[1])


def verdict(scores: Sequence[Sequence[float]]) -> Verdict:
    """starved or saturated where hardly any prompt has answers of different scores, by whether most are low or high.

    A mean over 95 % is saturated too.
    """
    means = [math.fsum(some) / len(some) for some in scores]
    mean = math.fsum(means) / len(means)
    if mean > TOO_GOOD:
        return "saturated"
    if sum(len(set(some)) > 1 for some in scores) >= FEWEST_WITH_SPREAD * len(scores):
        return "ready"
    return "saturated" if mean > 0.5 else "starved"


def advised(shares: Sequence[Share]) -> Share:
    """The smallest group of four or more answers that has spread often enough; see ENOUGH."""
    enough = ENOUGH * shares[-1].share
    return next(share for share in shares if share.size >= 4 and share.share >= enough)
