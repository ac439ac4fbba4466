"""Statistics agree with published values and with scipy and scikit-learn."""

import math
import time

import numpy as np
import pytest
from scipy import stats

from graders.statistics import (
    cohens_kappa,
    krippendorff_alpha,
    mcnemar_exact,
    mean_pass_at_k,
    minimal_detectable_effect,
    paired_bootstrap,
    pass_at_k,
    rows_to_show,
    spearman,
    wilson_interval,
)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (1, 10), (81, 263), (263, 263), (1, 1)])
def test_wilson_agrees_with_scipy(successes: int, n: int) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson_interval(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_newcombes_example() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81/263, 95 %.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_wilson_of_nothing_is_everything() -> None:
    assert wilson_interval(0, 0) == (0, 1)


@pytest.mark.parametrize(
    ("n", "correct", "k"), [(10, 3, 1), (10, 3, 5), (200, 7, 100), (5, 5, 2), (8, 0, 8), (8, 1, 8)]
)
def test_pass_at_k_is_its_closed_form(n: int, correct: int, k: int) -> None:
    assert pass_at_k(n, correct, k) == pytest.approx(1 - math.comb(n - correct, k) / math.comb(n, k))


def test_mean_pass_at_k_leaves_out_prompts_with_too_few_completions() -> None:
    assert mean_pass_at_k([(4, 2), (4, 0), (1, 1)], 2) == pytest.approx((1 - 1 / 6) / 2)
    assert mean_pass_at_k([(1, 1)], 2) is None


@pytest.mark.parametrize(("n", "correct", "k"), [(4, 2, 5), (4, 5, 1), (4, -1, 1), (4, 2, 0)])
def test_pass_at_k_refuses_impossible_counts(n: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, correct, k)


def test_bootstrap_of_single_rows_comes_near_the_normal_interval() -> None:
    differences = np.random.default_rng(1).normal(0.2, 1.0, 400)
    half = 1.96 * differences.std(ddof=1) / 20
    interval = paired_bootstrap(differences.tolist(), list(range(400)))
    assert interval == pytest.approx((differences.mean() - half, differences.mean() + half), abs=0.01)


def test_rows_of_one_prompt_are_drawn_together() -> None:
    single = np.random.default_rng(2).choice([-1.0, 0.0, 1.0], 100).tolist()
    fourfold = [value for value in single for _ in range(4)]
    prompts = [prompt for prompt in range(100) for _ in range(4)]
    assert paired_bootstrap(fourfold, prompts) == pytest.approx(paired_bootstrap(single, range(100)))
    low, high = paired_bootstrap(fourfold, range(400))
    wide_low, wide_high = paired_bootstrap(fourfold, prompts)
    assert (wide_high - wide_low) / (high - low) == pytest.approx(2, abs=0.1)


def test_bootstrap_is_seeded_and_quick() -> None:
    differences = [float(i % 3 - 1) for i in range(2000)]
    started = time.process_time()
    assert paired_bootstrap(differences, range(2000)) == paired_bootstrap(differences, range(2000))
    assert paired_bootstrap(differences, range(2000), seed=1) != paired_bootstrap(differences, range(2000))
    assert time.process_time() - started < 5
    assert paired_bootstrap([0.5] * 7, range(7)) == (0.5, 0.5)


def test_bootstrap_refuses_no_rows() -> None:
    with pytest.raises(ValueError, match="0 differences"):
        paired_bootstrap([], [])


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (5, 5), (1, 0), (10, 2), (2, 10), (150, 86), (900, 700)])
def test_mcnemar_agrees_with_the_binomial_test(won: int, lost: int) -> None:
    expected = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert mcnemar_exact(won, lost) == pytest.approx(expected, rel=1e-9)


def test_minimal_effect_solves_connors_equation_and_simulation_confirms_its_power() -> None:
    n, discordant = 500, 0.3
    effect = minimal_detectable_effect(n, discordant)
    assert effect == pytest.approx(0.06846, abs=1e-5)
    needed = (1.959964 * math.sqrt(discordant) + 0.841621 * math.sqrt(discordant - effect**2)) ** 2 / effect**2
    assert needed == pytest.approx(n, rel=1e-5)
    draws = np.random.default_rng(0).multinomial(n, [(0.3 + effect) / 2, (0.3 - effect) / 2, 0.7], size=4000)
    won, lost = draws[:, 0], draws[:, 1]
    assert np.mean(np.abs(won - lost) / np.sqrt(won + lost) > 1.959964) == pytest.approx(0.8, abs=0.02)


def test_minimal_effect_never_exceeds_the_discordant_share() -> None:
    assert minimal_detectable_effect(5, 0.1) == 0.1
    assert minimal_detectable_effect(10_000, 1.0) == pytest.approx(2.8016 / 100, abs=1e-3)


def test_kappa_of_a_known_table_and_of_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score

    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.7, chance 0.5.
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohens_kappa(first, second) == pytest.approx(0.4)
    assert cohens_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))
    assert cohens_kappa(["a", "a"], ["a", "a"]) is None


def test_spearman_agrees_with_scipy_on_ties() -> None:
    first, second = [1, 2, 2, 3, 5, 5.5], [2, 1, 3, 3, 9, 4]
    assert spearman(first, second) == pytest.approx(stats.spearmanr(first, second).statistic)
    assert spearman([1, 2, 3], [9, 5, 1]) == pytest.approx(-1)
    assert spearman([1, 1], [1, 2]) is None


def test_alpha_of_krippendorffs_example_with_missing_ratings() -> None:
    # Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), example C: nominal, four observers, 12 units.
    ratings = ["123321412...", "1233224125.3", ".333234225 1.".replace(" ", ""), "1233244125 1.".replace(" ", "")]
    units = [[row[unit] for row in ratings if row[unit] != "."] for unit in range(12)]
    found = krippendorff_alpha(units, range(12))
    assert found is not None
    value, interval = found
    assert value == pytest.approx(0.743, abs=5e-4)
    assert interval.low < value < interval.high


def test_alpha_of_two_raters_without_gaps_is_near_kappa_and_of_chance_near_nothing() -> None:
    draws = np.random.default_rng(0)
    first, noise = draws.integers(3, size=3000), draws.integers(3, size=3000)
    second = np.where(draws.random(3000) < 0.7, first, noise)
    found = krippendorff_alpha(np.stack([first, second], 1).tolist(), range(3000))
    kappa = cohens_kappa(first.tolist(), second.tolist())
    assert found is not None
    assert found[0] == pytest.approx(kappa, abs=2e-3)
    assert found[1].low < 0.7 < found[1].high
    chance = krippendorff_alpha(np.stack([first, noise], 1).tolist(), range(3000))
    assert chance is not None
    assert chance[1].low < 0 < chance[1].high


def test_alpha_needs_two_ratings_and_two_labels() -> None:
    assert krippendorff_alpha([["a"], ["b"]], [0, 1]) is None
    assert krippendorff_alpha([["a", "a"], ["a", "a"]], [0, 1]) is None
    with pytest.raises(ValueError, match="1 units and 2 clusters"):
        krippendorff_alpha([["a", "a"]], [0, 1])


def test_the_number_of_rows_has_the_power_that_an_exact_count_gives() -> None:
    for share in (0.6, 0.65, 0.75):
        n = rows_to_show(share)
        beyond = math.ceil(n / 2 + stats.norm.ppf(0.975) * math.sqrt(n) / 2)
        assert stats.binom.sf(beyond - 1, n, share) == pytest.approx(0.8, abs=0.06)
    with pytest.raises(ValueError, match="no number of rows"):
        rows_to_show(0.5)
