"""Sizes of batches, also where somebody asks for the absurd."""

import time
from typing import Literal

import pytest

from graders.errors import UserError
from pipelines.sizing import RATES, Batch, Room, learning_rate, sft_batch_size, sft_epochs, split_batch

GIB = 2**30


def need(rows: int) -> int:
    """Bytes: a tenth of a gibibyte, and a mebibyte a row."""
    return GIB // 10 + 2**20 * rows


def test_a_batch_is_shared_by_micro_batches_that_fit() -> None:
    assert split_batch(12, 2, 100, need, Room(8 * GIB)) == Batch(6, 1)
    assert split_batch(64, 1, 512, need, Room(need(4))) == Batch(4, 16)
    assert split_batch(64, 1, 512, need, Room(need(4) - 1)) == Batch(2, 32)
    assert split_batch(64, 1, 512, need, Room(0)) == Batch(1, 64), "one row is taken, whatever there is"


def test_a_batch_of_a_billion_rows_is_split_at_once() -> None:
    begun = time.process_time()
    batch = split_batch(1_000_000_000, 1, 100, need, Room(8 * GIB))
    assert batch.micro * batch.accumulation == 1_000_000_000
    assert time.process_time() - begun < 1


def test_an_odd_batch_for_two_processes_is_the_users_to_mend() -> None:
    with pytest.raises(UserError, match="9 rows a step cannot be shared by 2 processes"):
        split_batch(9, 2, 100, need, Room(8 * GIB))


def test_a_device_that_is_slow_with_large_micro_batches_gets_small_ones() -> None:
    assert split_batch(256, 1, 104, need, Room(8 * GIB, tokens=8192)) == Batch(64, 4)
    assert split_batch(256, 1, 10_000, need, Room(64 * GIB, tokens=8192)) == Batch(1, 256)


def test_learning_rates_go_through_the_published_points_and_fall_with_size() -> None:
    methods: tuple[Literal["sft", "rl"], ...] = ("sft", "rl")
    for method in methods:
        for size, rate in RATES[method].items():
            assert learning_rate(method, size, "full") == pytest.approx(rate)
        sizes = [learning_rate(method, size, "full") for size in (32, 160, 200, 512, 896, 2048, 4096, 16384)]
        assert sizes == sorted(sizes, reverse=True)
    assert learning_rate("rl", 4096, "lora") == pytest.approx(1e-5)
    assert learning_rate("rl", 64, "lora") == 1e-3


def test_small_models_get_passes_for_enough_steps_and_others_the_published_number() -> None:
    assert [sft_epochs(n, sft_batch_size(n), 4096) for n in (50, 300, 1500, 20_000)] == [5, 3, 2, 1]
    assert [sft_epochs(n, sft_batch_size(n), 192) for n in (50, 300, 1500, 20_000)] == [10, 7, 11, 1]
    assert sft_epochs(1, 4, 192) == 480
