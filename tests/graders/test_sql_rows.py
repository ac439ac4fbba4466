"""Which answers of a database are the same."""

import time

import pytest

from graders.sql_rows import Row, order_cuts, same_rows


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, "a"), (2, "b")], [(2, "b"), (1, "a")]),
        ([("a", 1), ("b", 2)], [(1, "a"), (2, "b")]),
        ([(1.0,)], [(1,)]),
        ([(0.1 + 0.2,)], [(0.3,)]),
        ([(1000000.4,)], [(1000000.0,)]),
        ([(3, None)], [(None, 3)]),
        ([("2023",)], [(2023,)]),
        ([("0.50",)], [(0.5,)]),
        ([], []),
        ([(1, 1, 2)], [(2, 1, 1)]),
        ([(0.1 + 0.2, "b"), (0.3, "a")], [(0.3, "b"), (0.3, "a")]),
        ([(float("inf"),)], [(float("inf"),)]),
    ],
)
def test_the_same_answers(rows: list[Row], expected: list[Row]) -> None:
    assert same_rows(rows, expected)
    assert same_rows(expected, rows)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1,)], [(2,)]),
        ([(1,), (1,)], [(1,)]),
        ([(1,), (1,), (2,)], [(1,), (2,), (2,)]),
        ([(1, 2), (3, 4)], [(1, 4), (3, 2)]),
        ([(1, 1)], [(1,)]),
        ([(1000001,)], [(1000000,)]),
        ([(0.0,)], [(None,)]),
        ([("",)], [(None,)]),
        ([("007",)], [(7,)]),
        ([("a",)], [("A",)]),
        ([(1.00001,)], [(1.0,)]),
    ],
)
def test_other_answers(rows: list[Row], expected: list[Row]) -> None:
    assert not same_rows(rows, expected)
    assert not same_rows(expected, rows)


def test_no_row_may_cross_a_cut() -> None:
    assert not same_rows([(2,), (1,)], [(1,), (2,)], [1])
    assert same_rows([(1, "y"), (1, "x"), (2, "z")], [(1, "x"), (1, "y"), (2, "z")], [2])
    assert not same_rows([(1, "y"), (2, "z"), (1, "x")], [(1, "x"), (1, "y"), (2, "z")], [2])


def test_cuts_stand_where_both_ways_to_break_ties_agree() -> None:
    assert order_cuts([(1, "a"), (1, "b"), (2, "c")], [(1, "b"), (1, "a"), (2, "c")]) == [2, 3]
    assert order_cuts([(1,), (2,)], [(1,), (2,)]) == [1, 2]


def test_columns_that_hold_the_same_values_take_no_time_to_tell_apart() -> None:
    started = time.process_time()
    rows: list[Row] = [tuple([place % 2] * 60) for place in range(1000)]
    crossed: list[Row] = [tuple([place % 2] * 30 + [1 - place % 2] * 30) for place in range(1000)]
    assert same_rows(rows, rows)
    assert not same_rows(rows, crossed)
    assert time.process_time() - started < 3
