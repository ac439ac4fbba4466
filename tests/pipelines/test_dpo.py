"""DPO on a two-layer random model: starts as its reference, learns the pairs, masks, batches, resumes, alarms."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from graders.errors import UserError
from pipelines import dpo, preference_trainers, sizing, training
from pipelines.alarms import PreferenceAlarmName
from pipelines.data.render import NO_LOSS, encode
from pipelines.data.rows import Row, Rows
from pipelines.dpo_losses import PAIR_LOSSES, PairLoss
from pipelines.job import Job, Stopped
from pipelines.plan_file import load_plan
from pipelines.preference_alarms import PREFERENCE_ALARMS
from pipelines.preferences.examples import pair_examples
from pipelines.stages import STAGES
from tests.pipelines.test_grpo import StopsAt
from tests.pipelines.test_training import job_of, largest_change, run, weights

Writer = Callable[..., Path]
DPO = {"type": "dpo", "name": "dpo", "epochs": 2, "batch_size": 8, "learning_rate": 3e-3}
METRIC = {"metric": "preference", "graders": {}}
LORA = {"tuning": "lora", "lora_rank": 4}


@pytest.fixture
def write_pairs(write_plan: Writer, tmp_path: Path) -> Writer:
    """A plan over 60 made-up pairs."""
    rows = [
        {"prompt": f"May I have {n} {what}?", "chosen": f"Gladly, {n} {what}.", "rejected": f"No. Count {what} yourself!"}
        for n in range(2, 22)
        for what in ("apples", "keys", "maps")
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return lambda *stages, **keys: write_plan(*stages, **METRIC | keys)


def curve(folder: Path, key: str) -> list[float]:
    logs = json.loads((folder / "curve.json").read_text())
    return [log[key] for log in logs if log.get(key) is not None]


@pytest.mark.parametrize("tuning", [{"tuning": "full"}, LORA])
def test_dpo_starts_as_its_reference_and_learns_what_was_chosen(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path, tuning: dict[str, Any]
) -> None:
    numbers = run(write_pairs(DPO, model={"name": str(tiny_model), **tuning}), tiny_model, tmp_path / "out")
    margins, losses = curve(tmp_path / "out", "rewards/margins"), curve(tmp_path / "out", "loss")
    assert margins[0] == curve(tmp_path / "out", "chosen_change")[0] == numbers["first_margin"] == 0.0
    assert losses[0] == pytest.approx(0.6931, abs=1e-3), "log 2: neither side is preferred"
    assert margins[-1] > 0.01
    assert losses[-1] < losses[0]
    assert numbers["last_accuracy"] > 0.9
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 1e-4
    assert numbers["kl_rows"] == numbers["pairs"] > 20
    assert numbers["kl_interval"][0] <= numbers["kl"] <= numbers["kl_interval"][1]
    assert (tmp_path / "out" / "adapter").exists() == (tuning == LORA)
    assert not (tmp_path / "out" / "checkpoints").exists()
