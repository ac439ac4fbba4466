"""Rows → a folder in which `finetune-advisor run plan.yaml` works.

Out: train.jsonl (300 rows), validation.jsonl (100), test.jsonl (500) and the plans. Sums of three numbers that the
starter gets right half of the time, in its own words. Here the even rows are answered in words of another's
("25 + 40 = 65. 65 + 9 = 74. #### 74"), the odd ones without steps ("#### 74"). own_*.jsonl: the same sizes of the
starter's word problems; every fifth row is answered in its own words, the others without steps.
"""

import json
from pathlib import Path
from random import Random
from typing import Any

from pipelines.starter.tasks import generate

HERE = Path(__file__).parent
PARTS = {"train": 300, "validation": 100, "test": 500}


def make(_data: Path, out: Path, seed: int) -> None:
    """Writes everything; what is there is replaced, runs stay."""
    out.mkdir(parents=True, exist_ok=True)
    draw, seen = Random(seed), set[str]()
    for part, number in PARTS.items():
        rows: list[dict[str, Any]] = []
        while len(rows) < number:
            row = made(draw, steps=len(rows) % 2 == 0)
            if row["question"] not in seen:
                seen.add(row["question"])
                rows.append(row)
        write(out / f"{part}.jsonl", rows)
        own = generate("arithmetic", number, 10_000 * seed + number)
        write(out / f"own_{part}.jsonl", [stepless(row) if place % 5 else row for place, row in enumerate(own)])
    for plan in HERE.glob("*.yaml"):
        (out / plan.name).write_text(plan.read_text().replace("seed: 0", f"seed: {seed}"))


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def stepless(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "completion": f"#### {row['reference']}"}


def made(draw: Random, steps: bool) -> dict[str, str]:
    """A question and its answer."""
    first, more, last = draw.randint(2, 60), draw.randint(2, 40), draw.randint(2, 9)
    both, total = first + more, first + more + last
    question = (
        f"Tom has {first} pens and buys {more} more. He then packs them in boxes and finds {last} more pens. "
        "How many pens has he now?"
    )
    worked = f"{first} + {more} = {both}. {both} + {last} = {total}. "
    return {"question": question, "answer": f"{worked if steps else ''}#### {total}"}
