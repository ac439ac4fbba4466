"""A plan with every kind of stage over rows that serve all of them, and what each peer gets of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Planner = Callable[..., Path]
STAGES: list[dict[str, Any]] = [
    {"type": "evaluate", "name": "before"},
    {"type": "sft", "name": "warm-up", "batch_size": 8, "epochs": 2, "trainer": {"weight_decay": 0.01}},
    {"type": "reward_model", "name": "rm", "batch_size": 8},
    {"type": "dpo", "name": "prefer", "batch_size": 8, "loss": "ipo"},
    {"type": "kto", "name": "thumbs", "batch_size": 8},
    {"type": "grpo", "name": "rl", "steps": 3, "prompts_per_step": 4, "group_size": 4, "overlong_penalty": True},
    {"type": "ppo", "name": "reft", "steps": 2},
]


def rows() -> list[dict[str, Any]]:
    return [
        {"q": f"{a} + {b} =", "work": f"{a}+{b}\n#### {a + b}", "good": f"#### {a + b}", "bad": "no idea", "sum": a + b}
        for a in range(15)
        for b in range(14)
    ]


@pytest.fixture(scope="session")
def plan_in(tiny_model: Path) -> Planner:
    """Writes a plan into a folder, over the rows above."""

    def write(folder: Path, stages: list[dict[str, Any]] | None = None, **keys: Any) -> Path:
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
        columns = {"prompt": "q", "completion": "work", "reference": "sum", "chosen": "good", "rejected": "bad"}
        plan = {
            "version": 1,
            "name": "p",
            "model": {"name": str(tiny_model)},
            "data": {"train": "rows.jsonl", "columns": columns, "system": "Add."},
            "graders": {"right": {"type": "numeric"}},
            "metric": "right",
            "stages": stages or STAGES,
        }
        (folder / "plan.yaml").write_text(json.dumps(plan | keys))
        return folder / "plan.yaml"

    return write
