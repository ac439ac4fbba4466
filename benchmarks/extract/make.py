"""Rows of the starter's task `extract` → a folder in which `finetune-advisor run credit.yaml` works.

Out: train.jsonl (100 sentences with their JSON, 900 with it as reference alone), validation.jsonl (200), test.jsonl
(500), and the plan.
"""

from pathlib import Path

from benchmarks.mawps.make import write
from pipelines.starter.tasks import generate

WORKED, BARE, VALIDATION, TEST = 100, 900, 200, 500
HERE = Path(__file__).parent


def make(_: Path, out: Path, seed: int) -> None:
    """Writes everything; what is there is replaced, runs stay."""
    out.mkdir(parents=True, exist_ok=True)
    first = 1000 * seed + 1
    bare = [{**row, "completion": None} for row in generate("extract", BARE, first + 1)]
    write(out / "train.jsonl", generate("extract", WORKED, first) + bare)
    write(out / "validation.jsonl", [{**row, "completion": None} for row in generate("extract", VALIDATION, first + 2)])
    write(out / "test.jsonl", generate("extract", TEST, first + 3))
    for plan in HERE.glob("*.yaml"):
        (out / plan.name).write_text(plan.read_text().replace("seed: 0", f"seed: {seed}"))
