"""Seconds that `finetune-advisor probe` takes on the starter, from nothing and from what it keeps; the goal is 60.

    python -m benchmarks.probe_speed            (10 to 25 seconds of CPU a new run)

The rows are the demo's. Wall time is from the command to its last line; CPU time is of it and its child process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.demo import write_rows

MAIN = "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
ROOT = Path(__file__).parents[1]


def probed(folder: Path) -> tuple[float, float, dict[str, Any]]:
    """Wall seconds, CPU seconds and what one command found."""
    command = [sys.executable, "-c", MAIN, "probe", "--data", "train.jsonl", "--test", "test.jsonl", "--json"]
    before, started = os.times(), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, cpu, json.loads(done.stdout)


def main() -> None:
    """Prints a line a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    for seed in range(parser.parse_args().runs):
        with tempfile.TemporaryDirectory() as name:
            write_rows(Path(name), seed)
            for _ in range(2):
                wall, cpu, found = probed(Path(name))
                rates = ", ".join(f"{style['style']} {style['pass_rate']:.1%}" for style in found["styles"])
                asked = f"{found['styles'][0]['rows']} of {found['rows']} rows"
                kept = "kept" if found["kept"] else "new"
                print(
                    f"seed {seed} {kept}: {wall:.1f} s, {cpu:.1f} CPU s; {asked}; {rates}; {found['verdict']}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
