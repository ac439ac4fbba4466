"""Stages on a pretended GPU (tests/pretended_gpu.py), stopped and gone on: devices and types as CUDA wants them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OTHERS = ["rejection_sampling", "dpo", "kto", "reward_model", "evaluate", "probe"]


@pytest.mark.parametrize(
    ("tuning", "stages"),
    [
        ("lora", ["grpo", "ppo"]),
        pytest.param("lora", ["sft", *OTHERS], marks=pytest.mark.soak),
        pytest.param("full", ["sft", "grpo", "ppo", *OTHERS], marks=pytest.mark.soak),
    ],
)
def test_stages_run_where_tensors_are_on_a_gpu_and_products_in_bf16(
    tmp_path: Path, tuning: str, stages: list[str]
) -> None:
    path = tmp_path / "found.json"
    command = [sys.executable, "-m", "tests.pipelines.on_a_gpu", str(path), tuning, "mixed", *stages]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert path.exists(), done.stderr[-3000:]
    found: dict[str, Any] = json.loads(path.read_text())
    assert "Expected all tensors to be on the same device" in found.pop("mixed")["error"]
    assert {stage: one["error"] for stage, one in found.items() if "error" in one} == {}
    assert list(found) == stages
    assert all(one["numbers"]["steps"] > 1 for stage, one in found.items() if stage not in ("evaluate", "probe"))
    assert all(found[stage]["numbers"]["groups_without_spread"] < 1 for stage in ("grpo", "ppo") if stage in found)
