"""Looking several times spends the 5 % in parts: no more than that many claims are wrong."""

import random

import pytest

from pipelines.evals.compare import compare, rate
from pipelines.evals.grades import GradedRow
from pipelines.evals.looks import ALPHA, Look, difference_settled, looks, rate_settled, signal_settled


def graded(index: int, passed: bool) -> GradedRow:
    return GradedRow(
        index=index,
        prompt=f"{index}",
        prompt_key=f"{index}",
        completion="",
        score=float(passed),
        passed=passed,
        reason="",
        num_tokens=1,
    )


@pytest.mark.parametrize(
    ("num_rows", "counts"),
    [(12, [12]), (30, [30]), (40, [30, 40]), (60, [30, 60]), (100, [30, 50, 100]), (400, [100, 200, 400])],
)
def test_looks_grow_never_begin_under_thirty_rows_and_spend_five_percent(num_rows: int, counts: list[int]) -> None:
    taken = looks(num_rows, stop_early=True)
    assert [look.rows for look in taken] == counts
    assert sum(look.alpha for look in taken) == pytest.approx(ALPHA)
    assert taken[-1].alpha == max(look.alpha for look in taken)
    assert looks(num_rows, stop_early=False) == [Look(num_rows, ALPHA)]


def claim(rng: random.Random, base: float, other: float) -> str:
    """The claim at which asking stops, of prompts with these pass rates."""
    rows = [(rng.random() < base, rng.random() < other) for _ in range(100)]
    for look in looks(100, stop_early=True):
        sides = [[graded(n, row[side]) for n, row in enumerate(rows[: look.rows])] for side in (0, 1)]
        found = compare(*sides, alpha=look.alpha)
        if difference_settled(found, look.alpha):
            return found.claim
    return found.claim


def test_of_equal_prompts_few_are_called_different_though_one_looks_three_times() -> None:
    rng = random.Random(0)
    wrong = sum(claim(rng, 0.5, 0.5) in ("better", "worse") for _ in range(40))
    assert wrong <= 0.05 * 40


def test_what_is_much_better_is_settled_at_the_first_look() -> None:
    base, other = [graded(n, n % 5 == 0) for n in range(30)], [graded(n, n % 5 != 1) for n in range(30)]
    found = compare(base, other, alpha=looks(100, stop_early=True)[0].alpha)
    assert (found.claim, found.won, found.lost) == ("better", 18, 0)
    assert difference_settled(found, 0.0125)


def test_prompts_that_surely_change_little_are_settled_too_but_never_on_few_rows() -> None:
    same = compare([graded(n, True) for n in range(100)], [graded(n, True) for n in range(100)])
    assert difference_settled(same, 0.025)
    few = compare([graded(n, True) for n in range(30)], [graded(n, True) for n in range(30)])
    assert not difference_settled(few, 0.0125)


MIXED, RIGHT, WRONG = [0.0, 1.0, 1.0, 0.0], [1.0] * 4, [0.0] * 4


@pytest.mark.parametrize(
    ("scores", "settled"),
    [
        ([MIXED] * 10 + [WRONG] * 20, True),
        ([MIXED] * 2 + [WRONG] * 28, False),
        ([MIXED] * 20, False),
        ([WRONG] * 30, False),
        ([WRONG] * 200, True),
        ([RIGHT] * 30, False),
        ([RIGHT] * 200, True),
        ([MIXED] * 5 + [RIGHT] * 25, False),
    ],
)
def test_a_verdict_is_settled_only_where_more_rows_would_hardly_change_it(
    scores: list[list[float]], settled: bool
) -> None:
    assert signal_settled(scores, 0.0125) == settled


@pytest.mark.parametrize(
    ("passes", "n", "settled"), [(15, 30, True), (30, 30, False), (0, 30, False), (400, 400, True)]
)
def test_a_rate_is_settled_where_it_is_surely_no_floor_and_no_ceiling_or_surely_one(
    passes: int, n: int, settled: bool
) -> None:
    assert rate_settled(rate([graded(row, row < passes) for row in range(n)], 0.0125)) == settled
