"""Writes data/: rows for the embedded starter model. In a repository of yours the files are there already."""

import json
from pathlib import Path

from pipelines.starter.tasks import generate

DATA = Path(__file__).with_name("data")


def write(name: str, rows: list[dict[str, str]]) -> None:
    """One JSON line a row."""
    (DATA / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    """300 worked solutions and 500 prompts with their result alone; 200 pairs; 500 rows that prove.

    People prefer the answer that shows its steps to the one that names the result alone.
    """
    DATA.mkdir(exist_ok=True)
    worked = generate("arithmetic", 300, seed=1)
    bare = [{"prompt": row["prompt"], "reference": row["reference"]} for row in generate("arithmetic", 500, seed=2)]
    write("train.jsonl", worked + bare)
    write("test.jsonl", generate("arithmetic", 500, seed=3))
    pairs = generate("arithmetic", 200, seed=4)
    write(
        "pairs.jsonl",
        [
            {"prompt": row["prompt"], "chosen": row["completion"], "rejected": row["completion"].splitlines()[-1]}
            for row in pairs
        ],
    )


if __name__ == "__main__":
    main()
