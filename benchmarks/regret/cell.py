"""Runs one cell and reads what came out; a cell that was stopped goes on where it was."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from advisor.defaults import Context
from advisor.gather import gather
from advisor.interview import Voices, check_all, interview
from advisor.questions import DATA, QUESTIONS
from advisor.reading import measure
from benchmarks.regret.design import ARMS, PREFERENCES, Cell
from benchmarks.regret.make import make
from pipelines.data.spec import DataSpec


@dataclass(frozen=True, slots=True)
class Result:
    """facts: what `init` finds and assumes, and what a probe measured. chosen: arm → pass rate on the half of the test
    rows that names the best arm; read: on the other half, from which regret is read. n: rows of each half."""

    cell: str
    facts: dict[str, Any]
    chosen: dict[str, float]
    read: dict[str, float]
    n: tuple[int, int]
    seconds: dict[str, float]


def run(cell: Cell, out: Path, data: Path | None) -> Result:
    """Makes the folder where it is missing, runs what is not done, and reads."""
    folder = out / cell.name
    if not (folder / "plan.yaml").exists():
        make(cell, folder, data)
    if (folder / "base.yaml").exists() and not (folder / "base").exists():
        _finetune(folder, "base.yaml")
        (trained,) = folder.glob("runs/base/stages/sft-*/model")
        shutil.copytree(trained, folder / "base")
    _finetune(folder, "plan.yaml")
    return read(cell, folder)


def _finetune(folder: Path, plan: str) -> None:
    tool = Path(sys.executable).with_name("finetune-advisor")
    subprocess.run([str(tool), "run", plan], cwd=folder, check=True)


def read(cell: Cell, folder: Path) -> Result:
    """From the records of a finished run."""
    halves: tuple[dict[str, float], dict[str, float]] = ({}, {})
    seconds, n = {}, (0, 0)
    for arm in ARMS:
        rows = _grades(folder, "nothing" if arm == "nothing" else f"after_{arm}")
        parts = [[row["passed"] for row in rows if row["index"] % 2 == odd] for odd in (0, 1)]
        n = (len(parts[0]), len(parts[1]))
        for half, passed in zip(halves, parts, strict=True):
            half[arm] = sum(map(bool, passed)) / len(passed)
        seconds[arm] = 0.0 if arm == "nothing" else _record(folder, arm)["seconds"]
    return Result(cell.name, known(cell, folder), halves[0], halves[1], n, seconds)


def known(cell: Cell, folder: Path) -> dict[str, Any]:
    """The facts as `init` gathers them with no question answered but the grader's, and the probe's pass rate."""
    grader = {} if cell.task in PREFERENCES else {"grader": "{type: python, function: 'grade.py:grade'}"}
    if cell.task == "mawps":
        grader = {"grader": "{type: python, function: 'grade.py:exact'}"}
    model = yaml.safe_load((folder / "plan.yaml").read_text())["model"]["name"]
    given = check_all({"data": "train.jsonl", "model": model, **grader}, folder)
    spec = DataSpec(train="train.jsonl", placeholders="keep" if cell.task == "mawps" else "fill")
    _, profile = measure(spec, folder)
    answers = interview([DATA, *QUESTIONS], Context(folder, profile, given), Voices(given))
    found = asdict(gather(profile, answers))
    return found | {"base_score": _record(folder, "probe")["numbers"]["mean_score"]}


def _record(folder: Path, stage: str) -> dict[str, Any]:
    (done,) = folder.glob(f"runs/arms/stages/{stage}-????????/done.json")
    found: dict[str, Any] = json.loads(done.read_text())
    return found


def _grades(folder: Path, stage: str) -> list[dict[str, Any]]:
    (path,) = folder.glob(f"runs/arms/stages/{stage}-????????/grades.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]
