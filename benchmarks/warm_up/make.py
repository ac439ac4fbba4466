"""Rows → a folder in which `finetune-advisor run PLAN` works: does SFT first pay where a task is half known?

Out: test.jsonl (1,000 of the starter's word problems) and three files of 1,000 to train on, each with its plan. mixed:
300 answers as people wrote them, half of which show no steps the model can follow, and 700 results alone. steps: 300
step by step, and 700 results. many: 1,000 step by step.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from pipelines.starter.tasks import generate

PLAN = Path(__file__).with_name("plan.yaml")
Row = dict[str, str]


def make(_data: Path, out: Path, seed: int) -> None:
    """Writes everything; what is there is replaced, runs stay."""
    out.mkdir(parents=True, exist_ok=True)
    results = [
        {"prompt": row["prompt"], "reference": row["reference"]} for row in generate("arithmetic", 700, 1000 * seed + 2)
    ]
    write(out / "test.jsonl", generate("arithmetic", 1000, 1000 * seed + 3))
    files = {
        "mixed": generate("arithmetic", 300, 1000 * seed + 1) + results,
        "steps": in_steps(300, 1000 * seed + 1) + results,
        "many": in_steps(1000, 1000 * seed + 1),
    }
    for name, rows in files.items():
        write(out / f"{name}.jsonl", rows)
        (out / f"{name}.yaml").write_text(PLAN.read_text().replace("NAME", name).replace("seed: 0", f"seed: {seed}"))


def in_steps(number: int, seed: int) -> list[Row]:
    """Problems whose answer writes more than one equation."""
    found = [row for row in generate("arithmetic", 2 * number, seed) if row["completion"].count("=") > 1]
    return found[:number]


def write(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
