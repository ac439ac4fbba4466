"""Two processes over gloo end where one does: of each method the losses, the gradients and the weights.

The rows fill all steps: where they do not, accelerate fills the last step of a pass with rows from its start.
RL's answers are drawn by their place among those of all processes, so both learn from the same completions.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pipelines.plan_file import load_plan
from pipelines.runner import Options, run_plan
from pipelines.sources import STARTER
from tests.pipelines.test_runner import Notes

pytestmark = pytest.mark.usefixtures("in_fp32")
Writer = Callable[..., Path]
RATE = {"learning_rate": 1e-3}
PASS = {"epochs": 1, "batch_size": 8}
RL = {"steps": 3, "prompts_per_step": 4, "max_new_tokens": 24}
GRPO = RL | {"type": "grpo", "group_size": 4, "stop_on": []}
PPO = RL | {"type": "ppo", "stop_on": []}
COMPARED = {"loss", "grad_norm", "reward", "completions/mean_length"}
ROUNDING = 1e-4
"""Of losses and gradients, which are sums in another order."""
LEEWAY = 1e-3
"""Of the way that the weights went, as one length; Adam divides by small gradients' own size, rounding included."""


def outcome(plan: Path, processes: int) -> dict[str, Any]:
    """What the plan's one stage left."""
    folder = plan.parent / f"run-{processes}"
    assert run_plan(load_plan(plan, (f"processes={processes}",)), folder, Options(), Notes()) == 0
    (record,) = (folder / "stages").glob("*/done.json")
    numbers = json.loads(record.read_text())["numbers"]
    assert numbers["processes"] == processes
    logs = [log for log in json.loads(record.with_name("curve.json").read_text()) if "grad_norm" in log]
    weights = load_file(record.with_name("model") / "model.safetensors")
    return {"numbers": numbers, "logs": logs, "weights": weights, "folder": record.parent}


def apart(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor], start: dict[str, torch.Tensor]) -> float:
    """How far the weights ended from each other, as a share of the way that they went."""

    def length(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> float:
        return float(sum(((left[name] - right[name]) ** 2).sum() for name in start) ** 0.5)

    way = length(one, start)
    assert way > 1e-3
    return length(one, two) / way


def write_rows(folder: Path, kind: str) -> dict[str, Any]:
    """48 training rows, six steps of eight, and some to test and to check by; returns the plan's keys for them."""
    sums = [
        {"prompt": f"{a} + {b} = ?", "completion": f"{a}+{b}={a + b}\n#### {a + b}", "reference": str(a + b)}
        for a in range(10)
        for b in range(6)
    ]
    asked = [
        {"prompt": f"May I have {n} {what}?", "chosen": f"Gladly, {n} {what}.", "rejected": f"No. Count {what}!"}
        for n in range(2, 22)
        for what in ("apples", "keys", "maps")
    ]
    rows = sums if kind in ("sft", "grpo", "ppo") else asked
    for name, part in (("train", rows[:48]), ("validation", rows[48:54]), ("test", rows[54:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    data = {"train": "train.jsonl", "test": "test.jsonl", "split": {"validation": 0.0}}
    if kind == "reward_model":  # which would else hold some of the 48 apart
        data |= {"validation": "validation.jsonl"}
    return {"data": data} | ({} if rows is sums else {"metric": "preference", "graders": {}})


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sft", "dpo", "kto", "reward_model"])
def test_two_processes_end_at_the_weights_of_one(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, kind: str
) -> None:
    more = {"gate": False} if kind == "reward_model" else {}
    plan = write_plan(RATE | PASS | more | {"type": kind, "name": kind}, **write_rows(tmp_path, kind))
    one, two = outcome(plan, 1), outcome(plan, 2)
    losses = [[log["loss"] for log in found["logs"]] for found in (one, two)]
    assert len(losses[0]) == (12 if kind == "kto" else 6)  # a pair is two answers to KTO
    assert losses[0] == pytest.approx(losses[1], rel=ROUNDING)
    # The head of a reward model is drawn by the seed; what it started from is not kept.
    start = {name: tensor for name, tensor in load_file(tiny_model / "model.safetensors").items()}
    start = {name: tensor for name, tensor in start.items() if name in one["weights"]}
    distance = apart(one["weights"], two["weights"], start)
    (tmp_path / "apart.txt").write_text(f"{distance}")
    assert distance < LEEWAY
    if kind in ("dpo", "kto"):
        assert one["numbers"]["kl_rows"] == two["numbers"]["kl_rows"] > 20


@pytest.mark.soak
@pytest.mark.parametrize("stage", [GRPO, PPO], ids=["grpo", "ppo"])
def test_rl_has_the_loss_and_gradient_of_one_process_on_the_same_completions(
    write_plan: Writer, tmp_path: Path, stage: dict[str, Any]
) -> None:
    """Likeness to the answer is the reward, so that answers differ in it."""
    keys = write_rows(tmp_path, stage["type"]) | {
        "graders": {"answer": {"type": "similarity", "metric": "fuzzy_match"}}
    }
    plan = write_plan(RATE | stage | {"name": "rl"}, model={"name": "starter"}, **keys)
    one, two = outcome(plan, 1), outcome(plan, 2)
    assert len(one["logs"]) == len(two["logs"]) >= 3
    assert any(log["grad_norm"] > 0.01 for log in one["logs"])
    for ours, theirs in zip(one["logs"], two["logs"], strict=True):
        assert ours.keys() == theirs.keys()
        for key in COMPARED & ours.keys():  # of PPO's two steps with a batch only the first tells of its answers
            assert ours[key] == pytest.approx(theirs[key], rel=ROUNDING, abs=1e-6), (ours["step"], key)
    distance = apart(one["weights"], two["weights"], load_file(STARTER / "model.safetensors"))
    (tmp_path / "apart.txt").write_text(f"{distance}")
    assert distance < LEEWAY
