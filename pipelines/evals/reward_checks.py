"""What a reward model is worth, measured on pairs that it did not learn from, beside baselines that do not read.

In: held-out pairs with both numbers. Out: accuracy with its interval; the same of always taking the longer (or the
shorter) answer, whichever wins in training, and of taking the text that was chosen more often in training; the paired
difference to the better of both; how well its probabilities are calibrated; whether length alone explains its numbers.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graders.statistics import Interval, paired_bootstrap, spearman, wilson_interval
from reward_models.examples import Pair

BINS = 10
RULES = {"length": "length_only", "majority": "majority"}
"""Baseline → its accuracy's name among the numbers."""
FEWEST = 30
"""Under so many held-out pairs no claim is made, as in every comparison here."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A held-out pair with the reward model's numbers."""

    pair: Pair
    chosen: float
    rejected: float

    @property
    def right(self) -> float:
        """1 where the chosen answer has the higher number, 0.5 where both have the same."""
        return _sign(self.chosen - self.rejected)


def check(held: Sequence[Scored], learned: Sequence[Pair]) -> dict[str, Any]:
    """The numbers for a stage's record. `beats_baselines`: the interval of the difference lies above zero.

    `learned`: the pairs of the training part, from which the baselines are taken.
    """
    rights = [one.right for one in held]
    by_length, by_text = length_rule(learned), majority_rule(learned)
    rules = {"length": [by_length(one.pair) for one in held], "majority": [by_text(one.pair) for one in held]}
    best = max(rules, key=lambda name: _mean(rules[name]))
    gain = _difference(held, rights, rules[best])
    numbers = [value for one in held for value in (one.chosen, one.rejected)]
    texts = [text for one in held for text in (one.pair.chosen, one.pair.rejected)]
    return {
        "held_out_pairs": len(held),
        "accuracy": _mean(rights),
        "accuracy_interval": list(_interval(rights)),
        "length_only": _mean(rules["length"]),
        "majority": _mean(rules["majority"]),
        "gain_over": best,
        "gain_points": [gain.low, 100 * (_mean(rights) - _mean(rules[best])), gain.high],
        "beats_baselines": len(held) >= FEWEST and gain.low > 0,
        "mean_margin": _mean([one.chosen - one.rejected for one in held]),
        "ece": calibration_error(held),
        "reliability": reliability(held),
        "length_correlation": spearman(numbers, [float(len(text)) for text in texts]),
    }


def length_rule(learned: Sequence[Pair]) -> Any:
    """Pair → 1 where the rule "the longer one" (or the shorter, as in training) takes the chosen answer."""
    wins = [_sign(len(pair.chosen) - len(pair.rejected)) for pair in learned if not pair.tie]
    longer = _mean(wins) >= 0.5
    return lambda pair: _sign((len(pair.chosen) - len(pair.rejected)) * (1 if longer else -1))


def majority_rule(learned: Sequence[Pair]) -> Any:
    """Pair → 1 where the text that was chosen more often in training is the chosen one; 0.5 where neither was seen."""
    votes: Counter[str] = Counter()
    for pair in learned:
        if not pair.tie:
            votes[pair.chosen] += 1
            votes[pair.rejected] -= 1
    return lambda pair: _sign(votes[pair.chosen] - votes[pair.rejected])


def reliability(held: Sequence[Scored]) -> list[dict[str, float]]:
    """By how sure it is (0.5 to 1, in even bins): mean confidence, share that is right, and how many pairs."""
    bins: dict[int, list[tuple[float, float]]] = {}
    for one in held:
        sure = _sigmoid(abs(one.chosen - one.rejected))
        bins.setdefault(min(BINS - 1, int((sure - 0.5) * 2 * BINS)), []).append((sure, one.right))
    return [
        {"confidence": _mean([a for a, _ in some]), "accuracy": _mean([b for _, b in some]), "n": len(some)}
        for _, some in sorted(bins.items())
    ]


def calibration_error(held: Sequence[Scored]) -> float:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017, arXiv 1706.04599), in ten bins from 0.5 to 1."""
    return sum(bin["n"] * abs(bin["confidence"] - bin["accuracy"]) for bin in reliability(held)) / max(1, len(held))


def _difference(held: Sequence[Scored], rights: Sequence[float], others: Sequence[float]) -> Interval:
    """In points, over prompts."""
    prompts: dict[str, int] = {}
    keys = [prompts.setdefault(str(one.pair.messages), len(prompts)) for one in held]
    return paired_bootstrap([100 * (mine - other) for mine, other in zip(rights, others, strict=True)], keys)


def _interval(rights: Sequence[float]) -> Interval:
    return wilson_interval(round(sum(rights)), len(rights))


def _sign(difference: float) -> float:
    return 1.0 if difference > 0 else 0.5 if difference == 0 else 0.0


def _sigmoid(value: float) -> float:
    import math

    return 1 / (1 + math.exp(-min(60.0, value)))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
