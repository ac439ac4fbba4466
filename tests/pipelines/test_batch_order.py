"""Rows of like length stand together, though each optimizer step holds the rows that it would hold anyhow."""

import random

from pipelines.batch_order import within_steps

LENGTHS = [random.Random(place).randint(10, 1000) for place in range(90)]


def test_each_pass_holds_every_row_once_and_passes_differ() -> None:
    order = within_steps(LENGTHS, per_step=30, total=180, seed=0)
    assert sorted(order[:90]) == sorted(order[90:]) == list(range(90))
    assert set(order[:30]) != set(order[90:120])
    assert order == within_steps(LENGTHS, 30, 180, seed=0) != within_steps(LENGTHS, 30, 180, seed=1)


def test_a_step_holds_what_chance_drew_whatever_the_lengths_are() -> None:
    by_length, alike = within_steps(LENGTHS, 30, 90, seed=0), within_steps([5] * 90, 30, 90, seed=0)
    for start in range(0, 90, 30):
        step = by_length[start : start + 30]
        assert set(step) == set(alike[start : start + 30])
        assert [LENGTHS[row] for row in step] == sorted((LENGTHS[row] for row in step), reverse=True)


def test_micro_batches_pad_little() -> None:
    def padded(order: list[int]) -> int:
        micros = [[LENGTHS[row] for row in order[start : start + 5]] for start in range(0, 90, 5)]
        return sum(5 * max(micro) for micro in micros)

    assert padded(within_steps(LENGTHS, 30, 90, seed=0)) < 1.3 * sum(LENGTHS) < 0.85 * padded(list(range(90)))


def test_half_a_pass_ends_half_way() -> None:
    assert len(set(within_steps(LENGTHS, 30, 45, seed=0))) == 45
