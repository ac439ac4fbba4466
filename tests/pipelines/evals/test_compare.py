"""compare: rates, the paired difference, and what may be claimed."""

import pytest
from rows_made import graded

from pipelines.evals.compare import compare


def test_numbers_of_a_clear_gain() -> None:
    comparison = compare(graded("+" * 40 + "-" * 60), graded("+" * 35 + "-" * 5 + "+" * 30 + "-" * 30))
    assert (comparison.baseline.pass_rate, comparison.final.pass_rate) == (0.40, 0.65)
    assert comparison.baseline.low == pytest.approx(0.3094, abs=1e-4)
    assert (comparison.won, comparison.lost, comparison.n, comparison.n_prompts) == (30, 5, 100, 100)
    assert comparison.difference is not None
    assert comparison.difference.points == pytest.approx(25)
    assert comparison.difference.low == pytest.approx(15, abs=1.01)
    assert comparison.difference.high == pytest.approx(35, abs=1.01)
    assert comparison.score_difference == comparison.difference
    assert comparison.mcnemar_p == pytest.approx(2.2e-5, rel=0.05)
    assert comparison.claim == "better"


def test_a_clear_loss_is_called_worse() -> None:
    assert compare(graded("+" * 60), graded("+" * 30 + "-" * 30)).claim == "worse"


def test_no_change_shows_nothing_and_says_what_could_have_been_seen() -> None:
    comparison = compare(graded("+-" * 50), graded("+-" * 50))
    assert comparison.claim == "no difference shown"
    assert comparison.difference is not None
    assert (comparison.difference.points, comparison.difference.low, comparison.difference.high) == (0, 0, 0)
    assert comparison.smallest_visible_points == 6


def test_few_changed_rows_claim_nothing_though_the_interval_excludes_0() -> None:
    comparison = compare(graded("-" * 40), graded("+" * 5 + "-" * 35))
    assert comparison.difference is not None
    assert comparison.difference.low > 0
    assert comparison.mcnemar_p == pytest.approx(0.0625)
    assert comparison.claim == "no difference shown"


def test_under_30_prompts_no_claim_is_made() -> None:
    assert compare(graded("-" * 29), graded("+" * 29)).claim == "too few rows"
    assert compare(graded("-" * 30), graded("+" * 30)).claim == "better"
    assert compare(graded("-" * 300, prompts=29), graded("+" * 300, prompts=29)).claim == "too few rows"


def test_repeated_prompts_widen_the_interval() -> None:
    before, after = "-" * 200, ("+" * 25 + "-" * 25) * 4
    single = compare(graded(before), graded(after)).difference
    repeated = compare(graded(before, prompts=50), graded(after, prompts=50)).difference
    assert single is not None
    assert repeated is not None
    assert (repeated.high - repeated.low) / (single.high - single.low) == pytest.approx(2, abs=0.15)


def test_rows_unscored_on_either_side_are_left_out_of_both_and_counted() -> None:
    comparison = compare(graded("?+-" + "-" * 47), graded("+?+" + "-" * 47))
    assert (comparison.n, comparison.left_out) == (48, 2)
    assert (comparison.unscored_baseline, comparison.unscored_final) == (1, 1)
    assert (comparison.baseline.pass_rate, comparison.final.pass_rate) == (0, 1 / 48)


def test_nothing_scored_gives_no_numbers_and_no_claim() -> None:
    comparison = compare(graded("??"), graded("+?"))
    assert (comparison.difference, comparison.baseline.pass_rate, comparison.claim) == (None, None, "too few rows")


def test_the_order_of_rows_does_not_matter_and_the_result_is_the_same_again() -> None:
    base, final = graded("+-" * 40), graded("++--" * 20)
    assert compare(base, final) == compare(base, final[::-1]) == compare(base, final)


def test_other_rows_or_another_prompt_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="the same rows"):
        compare(graded("++"), graded("+++"))
    with pytest.raises(ValueError, match="the same rows"):
        compare(graded("++"), graded("++") + graded("+"))
    with pytest.raises(ValueError, match="prompt of row 2"):
        compare(graded("+++"), graded("+++", prompts=1))
