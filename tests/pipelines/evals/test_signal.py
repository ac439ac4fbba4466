"""The predicted share of groups with spread, against groups that were drawn."""

import itertools
import random

import pytest

from pipelines.evals.signal import GROUP_SIZES, advised, beta_fit, shares_with_spread, verdict


def drawn_share(rates: list[float], size: int) -> float:
    """The truth for pass/fail: mean over prompts of 1 - p^G - (1-p)^G."""
    return sum(1 - p**size - (1 - p) ** size for p in rates) / len(rates)


def answers(chance: random.Random, p: float, k: int) -> list[float]:
    return [float(chance.random() < p) for _ in range(k)]


def test_up_to_k_the_share_is_that_of_all_groups_among_the_answers() -> None:
    scores = [[0.0, 0.0, 1.0, 0.5, 0.0], [1.0] * 5, [0.0, 1.0, 1.0, 0.0, 0.3]]
    for share in shares_with_spread(scores)[:2]:
        groups = [list(itertools.combinations(some, share.size)) for some in scores]
        wanted = sum(sum(len(set(g)) > 1 for g in some) / len(some) for some in groups) / len(groups)
        assert share.share == pytest.approx(wanted)
        assert share.estimator == "measured"


def test_up_to_k_the_mean_over_many_probes_is_the_truth() -> None:
    chance = random.Random(0)
    rates = [0.0, 0.02, 0.1, 0.5, 0.9, 1.0]
    runs = [shares_with_spread([answers(chance, p, 8) for p in rates]) for _ in range(400)]
    for place, size in enumerate(GROUP_SIZES[:3]):
        mean = sum(run[place].share for run in runs) / len(runs)
        assert mean == pytest.approx(drawn_share(rates, size), abs=0.012)  # three standard errors are 0.011


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.9), (2.0, 2.0), (0.2, 4.0)])
def test_beyond_k_pass_rates_of_a_beta_distribution_are_predicted(a: float, b: float) -> None:
    chance = random.Random(1)
    rates = [chance.betavariate(a, b) for _ in range(1500)]
    found = shares_with_spread([answers(chance, p, 8) for p in rates])
    assert [share.estimator for share in found] == ["measured"] * 3 + ["beta-binomial"] * 3
    for share in found:
        assert share.share == pytest.approx(drawn_share(rates, share.size), abs=0.03)
        assert share.interval.low < share.share < share.interval.high


def test_beyond_k_scores_in_part_give_a_lower_bound() -> None:
    chance = random.Random(2)
    levels = [0.0, 0.25, 1.0]
    weights = [[0.98, 0.02, 0.0], [0.8, 0.1, 0.1], [0.0, 0.03, 0.97], [1.0, 0.0, 0.0]] * 100
    found = shares_with_spread([chance.choices(levels, w, k=8) for w in weights])
    for share in found[3:]:
        truth = sum(1 - sum(q**share.size for q in w) for w in weights) / len(weights)
        assert share.estimator == "lower bound"
        assert share.share == found[2].share < truth


def test_the_fit_finds_the_distribution_that_the_rates_are_from() -> None:
    chance = random.Random(3)
    counts = [(16, int(sum(answers(chance, chance.betavariate(0.5, 1.5), 16)))) for _ in range(3000)]
    assert beta_fit(counts) == pytest.approx((0.5, 1.5), rel=0.1)
    assert all(0.0099 <= end <= 1001 for end in beta_fit([(8, 0)] * 50))


def test_verdicts_follow_the_published_gates() -> None:
    never, always, mixed = [0.0] * 8, [1.0] * 8, [0.0, 1.0] * 4
    assert verdict([never] * 100) == "starved"
    assert verdict([never] * 96 + [mixed] * 4) == "starved"
    assert verdict([never] * 95 + [mixed] * 5) == "ready"
    assert verdict([always] * 80 + [never] * 20) == "saturated"
    assert verdict([never] * 80 + [always] * 20) == "starved"
    assert verdict([[1.0] * 7 + [0.9]] * 100) == "saturated"
    assert verdict([mixed] * 10) == "ready"


def test_the_smallest_group_is_advised_that_has_spread_half_as_often_as_64() -> None:
    assert advised(shares_with_spread([[0.0, 1.0] * 4] * 5)).size == 4
    chance = random.Random(4)
    rare = [answers(chance, 0.02, 32) for _ in range(500)]
    assert advised(shares_with_spread(rare)).size == 32
    assert advised(shares_with_spread([[0.0] * 8] * 90 + [[0.0, 1.0] * 4] * 10)).size == 4


def test_prompts_without_two_scored_answers_are_refused() -> None:
    with pytest.raises(ValueError, match="at least two scored"):
        shares_with_spread([[1.0, 0.0], [1.0]])
