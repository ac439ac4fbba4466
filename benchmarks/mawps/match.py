"""Teaches the model of the choices to find an equation among five: `python -m benchmarks.mawps.match --out DIR/0`.

In: a folder that benchmarks.mawps made. Its training prompts are shown DRAWS times each, the options in another order
each time, and the answer is all five in a third order, each with its letter. So nothing is said of which equation is
right, and all of which letter stands behind one that was written. The trained model takes choices/model's place.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import yaml

from benchmarks.mawps.choices import LETTERS
from benchmarks.mawps.make import write

DRAWS = 16
PLAN = {
    "version": 1,
    "name": "match",
    "model": {"name": "./choices/model", "tuning": "full"},
    "data": {
        "train": "choices/match.jsonl",
        "placeholders": "keep",
        "prompt": "{{Question}} ; {{Numbers}} ; {{Options}}",
        "columns": {"completion": "Derived"},
        "split": {"validation": 0.02, "test": 0.02},
    },
    "metric": "likelihood",
    "stages": [{"type": "sft", "name": "match", "learning_rate": 1e-3, "epochs": 2, "batch_size": 48}],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    folder = parser.parse_args().out
    rows = [json.loads(line) for line in (folder / "choices" / "train.jsonl").read_text().splitlines()]
    draw = Random(0)
    write(folder / "choices" / "match.jsonl", [drawn(row, draw) for row in rows for _ in range(DRAWS)])
    (folder / "match.yaml").write_text(yaml.safe_dump(PLAN, sort_keys=False))
    tool = Path(sys.executable).with_name("finetune-advisor")
    subprocess.run([str(tool), "run", "match.yaml"], cwd=folder, check=True)
    (trained,) = folder.glob("runs/match/stages/match-*/model")
    shutil.rmtree(folder / "choices" / "model")
    shutil.copytree(trained, folder / "choices" / "model")


def drawn(row: dict[str, Any], draw: Random) -> dict[str, Any]:
    """The row with its options in another order, and in yet another as the answer."""
    options = [option.rsplit(" ", 1)[0] for option in row["Options"].split(" , ")]
    draw.shuffle(options)
    listed = [f"{option} ({name})" for name, option in zip(LETTERS, options, strict=True)]
    return {**row, "Options": " , ".join(listed), "Derived": " , ".join(draw.sample(listed, 5))}


if __name__ == "__main__":
    main()
