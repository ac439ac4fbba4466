"""SFT → GRPO → DPO on the starter, killed at random instants: it ends as if it had not been."""

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from pipelines.plan_file import load_plan
from pipelines.runner import Options, run_plan
from pipelines.starter.tasks import generate
from tests.pipelines.test_runner import Notes, start

Victim = Literal["runner", "worker", "both"]
VICTIMS: tuple[Victim, ...] = ("runner", "worker", "both")
KILLS = 3
"""Of each run, all before it ends."""
PLAN = {
    "version": 1,
    "name": "staged",
    "model": {"name": "starter"},
    "data": {"train": "rows.jsonl", "test": "test.jsonl", "preferences": "pairs.jsonl"},
    "graders": {"answer": {"type": "numeric"}},
    "metric": "answer",
    "evaluation": {"max_new_tokens": 48, "pass_k": 2, "pass_k_rows": 20},
    "checkpoint_minutes": 0,
    "stages": [
        {"type": "evaluate", "name": "base"},
        {"type": "sft", "name": "sft", "epochs": 1, "batch_size": 16},
        {"type": "grpo", "name": "grpo", "steps": 6, "prompts_per_step": 4, "group_size": 4, "max_new_tokens": 32},
        {"type": "dpo", "name": "dpo", "epochs": 1, "batch_size": 16},
        {"type": "evaluate", "name": "after_dpo"},
    ],
}


def write_plan(folder: Path) -> Path:
    """220 worked rows (a validation part needs 200), 160 pairs that prefer worked answers, 60 test rows."""
    folder.mkdir()
    worked, asked, tested = (generate("arithmetic", rows, seed) for rows, seed in ((220, 1), (160, 2), (60, 3)))
    pairs = [
        {"prompt": row["prompt"], "chosen": row["completion"], "rejected": row["completion"].splitlines()[-1]}
        for row in asked
    ]
    for name, rows in {"rows": worked, "pairs": pairs, "test": tested}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = folder / "plan.yaml"
    path.write_text(json.dumps(PLAN))
    return path


@dataclass(frozen=True)
class Left:
    """What a run left. weights: stage → SHA-256 of its model; numbers: stage → its record's, times apart."""

    weights: dict[str, str]
    numbers: dict[str, dict[str, Any]]
    gain: str


def left(plan: Path) -> Left:
    weights, numbers = {}, {}
    for path in sorted((plan.parent / "run" / "stages").glob("*/done.json")):
        record = json.loads(path.read_text())
        numbers[record["stage"]] = {key: value for key, value in record["numbers"].items() if "second" not in key}
        if (model := path.with_name("model") / "model.safetensors").exists():
            weights[record["stage"]] = hashlib.sha256(model.read_bytes()).hexdigest()
    report = json.loads((plan.parent / "run" / "report.json").read_text())
    return Left(weights, numbers, json.dumps([report[key] for key in ("baseline", "final", "difference")]))


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill(runner: subprocess.Popen[bytes], victim: Victim) -> None:
    """SIGKILL. Of the worker it may be that none runs just now."""
    workers = children(runner.pid)
    pids = {"runner": [runner.pid], "worker": workers, "both": [runner.pid, *workers]}[victim]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def finished(plan: Path) -> dict[str, int]:
    """Folder of each finished stage → when its record was written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in (plan.parent / "run" / "stages").glob("*/done.json")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Left, float]:
    """A run that nothing stops, and the seconds it takes."""
    plan = write_plan(tmp_path_factory.mktemp("whole") / "p")
    began = time.monotonic()
    assert run_plan(load_plan(plan), plan.parent / "run", Options(), Notes()) == 0
    return left(plan), time.monotonic() - began


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_run_killed_three_times_ends_as_if_it_had_not_been(
    whole: tuple[Left, float], tmp_path: Path, seed: int
) -> None:
    """30 kills in all. Each falls at a random instant of what may be left, on the runner, its worker or both."""
    expected, seconds = whole
    plan, draw = write_plan(tmp_path / "p"), random.Random(seed)
    done: dict[str, int] = {}
    kills = 0
    while kills < KILLS:
        runner = start(plan)
        try:
            runner.wait(draw.uniform(0.5, seconds / KILLS))
        except subprocess.TimeoutExpired:
            kill(runner, victim := VICTIMS[(seed + kills) % len(VICTIMS)])
            kills += 1
            code = runner.wait(timeout=180)
            assert code in ((-signal.SIGKILL,) if victim != "worker" else (-signal.SIGKILL, 0, 1))
        else:
            pytest.fail(f"the run ended after {kills} kills")
        now = finished(plan)
        assert {name: now.get(name) for name in done} == done, "a finished stage ran again"
        done = now
    assert run_plan(load_plan(plan), plan.parent / "run", Options(), Notes()) == 0
    now = finished(plan)
    assert {name: now[name] for name in done} == done, "a finished stage ran again"
    assert left(plan) == expected
