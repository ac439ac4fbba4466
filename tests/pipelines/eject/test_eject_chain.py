"""A whole chain in TRL's own hands: what rejection sampling kept, an adapter, its merge, and a stage after it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from advisor.cli.main import run_command
from pipelines.launcher import DONE
from pipelines.plan_file import load_plan
from pipelines.runner import Options, default_run_folder, run_plan
from pipelines.sources import STARTER
from tests.pipelines.eject.conftest import Planner
from tests.pipelines.test_runner import Notes

SAMPLED = {"type": "rejection_sampling", "name": "rs", "samples_per_prompt": 2, "max_new_tokens": 12, "epochs": 0.1}
PAIRS = {"type": "dpo", "name": "prefer", "epochs": 0.1, "batch_size": 8}


@pytest.mark.soak
def test_trl_trains_a_chain_from_what_a_run_kept(plan_in: Planner, tmp_path: Path) -> None:
    graders = {"right": {"type": "pattern", "pattern": "[0-9]"}}
    model = {"name": "starter", "tuning": "lora", "lora_rank": 4}
    plan = plan_in(tmp_path, [SAMPLED, PAIRS], model=model, graders=graders)
    loaded = load_plan(plan)
    run_folder = default_run_folder(loaded)
    assert run_plan(loaded, run_folder, Options(until="rs"), Notes()) == DONE
    assert run_command(["eject", str(run_folder), "--to", "trl", "--out", str(tmp_path / "out")]) == 0
    (kept,) = run_folder.glob("stages/rs-*/kept.jsonl")
    own = len(load_rows(tmp_path / "out/data/rs/train.jsonl")) - len(load_rows(kept))
    assert own > 100  # rows with a completion of their own
    assert len(load_rows(kept)) > 0
    script = tmp_path / "out/run.sh"
    on_cpu = script.read_text().replace("--num_processes 1", "--num_processes 1 --use_cpu true --bf16 false")
    script.write_text(on_cpu)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", str(script)], capture_output=True, text=True, check=False, env=os.environ | {"PATH": path}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, after = (
        AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32).state_dict()
        for where in (STARTER, tmp_path / "out/models/prefer-merged")
    )
    assert before.keys() == after.keys()
    assert any(not torch.equal(tensor, after[name]) for name, tensor in before.items())


def load_rows(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
