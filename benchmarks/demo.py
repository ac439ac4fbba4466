"""The main job on a laptop: few worked solutions, many checkable answers, and a model that gets measurably better.

`make demo` runs it. Writes demo-run/ with rows made by pipelines/starter/tasks.py, then calls the two commands that a
user calls. Beside the gain stands a control arm, in which SFT goes on for as long as RFT took; --no-control saves its
time.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from pipelines.starter.tasks import generate

WORKED, ANSWERS_ONLY, TEST = 300, 700, 500


def write_rows(folder: Path, seed: int) -> None:
    """train.jsonl: 300 worked solutions, and prompts with the answer alone. test.jsonl: 500 rows."""
    worked = generate("arithmetic", WORKED, 1000 * seed + 1)
    bare = [
        {"prompt": row["prompt"], "reference": row["reference"]}
        for row in generate("arithmetic", ANSWERS_ONLY, 1000 * seed + 2)
    ]
    for name, rows in {"train": worked + bare, "test": generate("arithmetic", TEST, 1000 * seed + 3)}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def command(folder: Path, *arguments: str) -> None:
    """Shows and runs one command of the tool in the folder; leaves with its exit code when it fails."""
    print(f"\n$ finetune-advisor {' '.join(arguments)}", flush=True)
    tool = Path(sys.executable).with_name("finetune-advisor")
    done = subprocess.run([str(tool), *arguments], cwd=folder, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    """Runs the demo from nothing, or goes on with one that was stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("demo-run"))
    parser.add_argument("--seed", type=int, default=0, help="Another seed draws other rows.")
    parser.add_argument("--no-control", action="store_true", help="Leave out SFT for as long as RFT takes.")
    parser.add_argument("--fresh", action="store_true", help="Remove the folder first.")
    options = parser.parse_args()
    if options.fresh:
        shutil.rmtree(options.folder, ignore_errors=True)
    started = time.monotonic()
    options.folder.mkdir(parents=True, exist_ok=True)
    write_rows(options.folder, options.seed)
    control = "no" if options.no_control else "yes"
    settings = ["--set", "task=Solve word problems with worked steps", "--set", f"control={control}"]
    command(options.folder, "init", "--data", "train.jsonl", "--test", "test.jsonl", "--yes", *settings)
    command(options.folder, "run", "plan.yaml")
    print(f"\n{time.monotonic() - started:.0f} seconds in all. Now your own file:")
    print("  .venv/bin/finetune-advisor init --data FILE")


if __name__ == "__main__":
    main()
