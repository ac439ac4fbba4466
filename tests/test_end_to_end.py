"""The two commands on the starter, for every method: what a user types, and what must come out."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.starter.tasks import generate

TOOL = [
    sys.executable,
    "-c",
    "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))",
]


def tool(folder: Path, *arguments: str) -> str:
    """Runs a command in a folder; returns its stdout."""
    done = subprocess.run([*TOOL, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_file(folder: Path, task: str, num_rows: int, **without: Any) -> None:
    rows = generate(task, num_rows, seed=7)
    kept = [{key: value for key, value in row.items() if key not in without} for row in rows]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))


def test_init_and_run_take_a_file_to_a_report(tmp_path: Path) -> None:
    """A short form of the whole path: the model is tried, then one round of rejection sampling on 40 rows."""
    rows_file(tmp_path, "arithmetic", 40)
    told = json.loads(tool(tmp_path, "init", "--data", "rows.jsonl", "--yes", "--json"))
    assert told["answers"]["format_new"] == {"value": False, "origin": "measured"}
    assert told["stages"] == ["rejection_sampling"]
    settings = ["evaluation.pass_k=0", "stages.rejection_sampling.samples_per_prompt=2"]
    overrides = [part for setting in settings for part in ("--set", setting)]
    report = json.loads(tool(tmp_path, "run", "plan.yaml", "--json", *overrides))
    assert [stage["name"] for stage in report["stages"]] == ["base", "after_rejection_sampling"]
    assert report["comparison"]["claim"] == "too few rows"
    state = json.loads(tool(tmp_path, "status", "plan.yaml", "--json"))
    assert state["stages"][0]["why"] == "changed: evaluation", "status without --set sees the plan's own settings"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("task", "settings", "stages"),
    [
        ("arithmetic", ["reasoning_helps=yes"], ["base", "after_grpo"]),
        ("extract", ["reasoning_helps=no"], ["base", "after_sft"]),
        ("intent", ["reasoning_helps=no"], ["base", "after_sft"]),
        ("tone", [], ["base", "after_sft", "after_dpo"]),
    ],
)
def test_each_task_runs_to_its_report(tmp_path: Path, task: str, settings: list[str], stages: list[str]) -> None:
    rows_file(tmp_path, task, 400)
    given = [part for setting in settings for part in ("--set", setting)]
    tool(tmp_path, "init", "--data", "rows.jsonl", "--yes", *given)
    report = json.loads(tool(tmp_path, "run", "plan.yaml", "--json"))
    assert [stage["name"] for stage in report["stages"]] == stages
    final = report["stages"][-1]
    assert final["mean_score"] > report["stages"][0]["mean_score"], "400 rows teach each of these tasks something"


@pytest.mark.soak
@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("method", ["sft", "rejection_sampling", "grpo", "ppo", "dpo", "kto"])
def test_each_method_runs_with_all_weights_and_with_lora_and_its_model_ships(
    tmp_path: Path, method: str, tuning: str
) -> None:
    rows_file(tmp_path, "arithmetic", 300)
    pairs = [
        {"prompt": row["prompt"], "chosen": row["completion"], "rejected": row["completion"].splitlines()[-1]}
        for row in generate("arithmetic", 100, seed=77)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    preferences = {"preferences": "pairs.jsonl"} if method in ("dpo", "kto") else {}
    tune = {"type": method, "name": "tune", **({"steps": 4} if method in ("grpo", "ppo") else {"epochs": 1})}
    plan = {
        "version": 1,
        "name": "each",
        "model": {"name": "starter", "tuning": tuning},
        "data": {"train": "rows.jsonl", **preferences},
        "graders": {"answer": {"type": "numeric"}},
        "metric": "answer",
        "evaluation": {"pass_k": 0},
        "stages": [{"type": "evaluate", "name": "base"}, tune, {"type": "evaluate", "name": "after"}],
    }
    (tmp_path / "each.yaml").write_text(json.dumps(plan))
    report = json.loads(tool(tmp_path, "run", "each.yaml", "--json"))
    assert report["stages"][1]["method"] == method
    assert (list((tmp_path / "runs" / "each" / "stages").glob("tune-*/adapter")) != []) == (tuning == "lora")
    tool(tmp_path, "export", "each.yaml", "--to", "shipped")  # which fails where it is not the measured model
    found = json.loads((tmp_path / "shipped" / "export.json").read_text())["parity"]
    assert found["logprob_difference"] < found["tolerance"]
    assert found["answers"] > 0
    assert (tmp_path / "shipped" / "adapter").exists() == (tuning == "lora")
