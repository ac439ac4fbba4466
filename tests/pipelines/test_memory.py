"""The formula of memory: near what was measured, and its parts in the right proportions."""

from dataclasses import replace

import pytest

from pipelines.memory import Memory, Shape, Step, Way, memory

QWEN_50M = Shape(50_337_792, 49_152, 512, 8, 1536, 8, 512, 256, 25_165_824, 8 * (4 * 1024 - 512 + 3 * 2048))
FULL = Way("sft", "full", 32, "cpu", bf16=False, checkpointing=False, eager=False)
STEP = Step(rows=4, tokens=173, several=False)
MIB = 2**20


def of(step: Step = STEP, **way: object) -> Memory:
    return memory(QWEN_50M, replace(FULL, **way), step)  # type: ignore[arg-type]  # fields of Way


@pytest.mark.parametrize(
    ("way", "step", "measured_mib"),
    [({}, STEP, 1770), ({}, replace(STEP, rows=8), 2800), ({"method": "dpo"}, replace(STEP, rows=2), 2071)],
)
def test_the_estimate_is_within_fifteen_percent_of_measured_peaks(
    way: dict[str, object], step: Step, measured_mib: int
) -> None:
    assert of(step, **way).peak / MIB == pytest.approx(measured_mib, rel=0.15)
