"""People's votes on the same pairs → how well any reward model can be expected to predict one more of them.

Where people disagree, no model is always right. On a pair of which a share p of people prefer one side, the best
possible guess is right with probability max(p, 1 - p), and two people agree with probability p² + (1 - p)². From the
mean agreement A over pairs follows what the best guess reaches on average, whatever the shares are:

    A  ≤  ceiling  ≤  (1 + √(2A - 1)) / 2

which is the inequality of Cover & Hart (1967, IEEE Trans. Inf. Theory 13:21, for two classes) with a second person in
the place of the nearest neighbour. The upper end is reached where all pairs are disputed alike, the lower where some
are beyond doubt and the others a toss-up. A is unbiased from two votes a pair on; the majority of so few votes is not.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from graders.statistics import Interval, paired_bootstrap, wilson_interval
from pipelines.data.rows import Rows
from pipelines.preferences.answers import Answer
from pipelines.preferences.votes import Numbered, Vote, by_item, votes_of

FEWEST_PROMPTS = 30
"""Under this a bootstrap over prompts is too narrow (DESIGN: no claim under 30 prompts): Wilson's interval is taken."""


class Ceiling(NamedTuple):
    """The most that any predictor can be expected to reach on one more vote, a share, with its 95 % interval."""

    value: float
    low: float
    high: float


class PairAgreement(NamedTuple):
    """How often two people agree on a pair that both decided, the mean over `num_pairs` pairs; a share."""

    value: float
    low: float
    high: float
    num_pairs: int


def annotator_ceiling(source: Iterable[Answer] | Iterable[Numbered] | Rows) -> Ceiling | None:
    """The ceiling of accuracy on single votes; None where no pair was decided by two people who are known.

    A reward model that is tested on majorities of several votes can do better than this.
    """
    agreement = pair_agreement(votes_of(source))
    return None if agreement is None else ceiling_of(agreement)


def pair_agreement(votes: list[Vote]) -> PairAgreement | None:
    """Ties say nothing of a pair's order and are left out; so are a judge's votes, unless there are only such."""
    people = [vote for vote in votes if not vote.judge] or votes
    shares, prompts = [], []
    for item in by_item(people):
        decided = [vote.winner for vote in item.values() if vote.winner]
        if len(decided) > 1:
            shares.append(_agree(decided.count(1), len(decided)))
            prompts.append(next(iter(item.values())).prompt)
    if not shares:
        return None
    value = math.fsum(shares) / len(shares)
    return PairAgreement(value, *_interval(value, shares, prompts), len(shares))


def ceiling_of(agreement: PairAgreement) -> Ceiling:
    """Cover & Hart's upper bound, for the agreement and for both ends of its interval."""
    return Ceiling(*(_best_guess(share) for share in agreement[:3]))


def _agree(ones: int, n: int) -> float:
    """The share of pairs of voters that agree: unbiased for p² + (1 - p)² (Fleiss 1971)."""
    twos = n - ones
    return (ones * (ones - 1) + twos * (twos - 1)) / (n * (n - 1))


def _interval(value: float, shares: list[float], prompts: list[str]) -> Interval:
    num_prompts = len(set(prompts))
    found = paired_bootstrap(shares, prompts, n_resamples=2000)
    if num_prompts < FEWEST_PROMPTS or found.high - found.low < 1e-9:
        return wilson_interval(round(value * num_prompts), num_prompts)
    return found


def _best_guess(agreement: float) -> float:
    return (1 + math.sqrt(max(0.0, 2 * agreement - 1))) / 2
