"""SFT → GRPO → DPO on the starter, killed at random instants: it ends as if it had not been."""

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
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
KILLS, A_RUN = 30, 3
"""In all, and of each run at most."""
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
def test_every_one_of_thirty_kills_leaves_the_same_weights_and_numbers(
    whole: tuple[Left, float], tmp_path: Path
) -> None:
    """Each run is killed up to three times, at random instants of what it may have left: the runner, its worker or
    both. A run that ends before its third kill counts with those it had."""
    expected, seconds = whole
    draw, made, runs = random.Random(0), 0, 0
    while made < KILLS:
        plan = write_plan(tmp_path / f"p{runs}")
        victims = [VICTIMS[(runs + number) % len(VICTIMS)] for number in range(min(A_RUN, KILLS - made))]
        made += killed_run(plan, victims, draw, seconds)
        assert left(plan) == expected
        runs += 1
    assert made == KILLS


def killed_run(plan: Path, victims: Sequence[Victim], draw: random.Random, seconds: float) -> int:
    """Runs the plan to its end in spite of these kills; returns how many there were."""
    done: dict[str, int] = {}
    kills = 0
    for victim in victims:
        runner = start(plan)
        try:
            code = runner.wait(draw.uniform(0.5, seconds / A_RUN))
        except subprocess.TimeoutExpired:
            kill(runner, victim)
            kills += 1
            code = runner.wait(timeout=180)
            assert code in ((-signal.SIGKILL,) if victim != "worker" else (0, 1))
        else:
            assert code == 0
            break
        done = kept(done, plan)
    assert run_plan(load_plan(plan), plan.parent / "run", Options(), Notes()) == 0
    kept(done, plan)
    return kills


def kept(done: dict[str, int], plan: Path) -> dict[str, int]:
    """What is finished now; none of what was before may have run again."""
    now = finished(plan)
    assert {name: now.get(name) for name in done} == done, "a finished stage ran again"
    return now
