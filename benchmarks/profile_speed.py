"""Seconds and memory of `profile` on a million rows, beside pandas and `datasets` counting much less.

    python -m benchmarks.profile_speed                    (0.6 GB in a temporary folder; some minutes)
    python -m benchmarks.profile_speed --rows 10000000 --alone    (6.4 GB; our own program alone)

Each run is a process of its own, so that its peak is its own; the file has just been written, so that it is in memory
for all of them. The others count rows, different prompts, equal rows and answers, and characters: what a user would
write for a start. Ours does all that `profile` does. Run it on a machine that does nothing else.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_WORDS, _STREAM = 20_000, 2_000_000
_PROMPT_CHARS, _ANSWER_CHARS = 370, 190

OURS = """
import sys
from advisor.cli.main import run_command
code = run_command(["profile", sys.argv[1], "--json"])
assert code in (0, 3), code
"""
PANDAS = """
import sys, pandas
rows = pandas.read_json(sys.argv[1], lines=True)
print(len(rows), rows.question.nunique(), rows.duplicated().sum(), rows.answer.value_counts().iloc[0])
for side in (rows.question, rows.answer):
    print(side.str.len().quantile([.05, .5, .95]).tolist())
"""
DATASETS = """
import sys, tempfile, datasets, pyarrow.compute as pc
datasets.disable_progress_bars()
with tempfile.TemporaryDirectory() as cache:
    rows = datasets.load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=cache)
    table = rows.data.table
    answers = pc.value_counts(table["answer"])
    print(len(rows), pc.count_distinct(table["question"]), len(answers), pc.max(pc.struct_field(answers, 1)))
    print([pc.quantile(pc.utf8_length(table[side]), q=[.05, .5, .95]).to_pylist() for side in ("question", "answer")])
"""
PROGRAMS = {"finetune-advisor profile": OURS, "pandas": PANDAS, "datasets (arrow)": DATASETS}


@dataclass(frozen=True, slots=True)
class Run:
    """seconds by the clock; mib: the largest memory that the process held (resident)."""

    seconds: float
    mib: float


def write_rows(path: Path, num_rows: int) -> None:
    """Questions and answers of made-up words, one in a thousand a repetition: 640 bytes a row."""
    draw = random.Random(0)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(_WORDS)]
    stream = " ".join(draw.choices(words, k=_STREAM))
    last = len(stream) - _PROMPT_CHARS
    with path.open("w", encoding="utf-8") as file:
        for number in range(num_rows):
            kept = number - number % 2 if number % 1_000 == 1 else number
            place = random.Random(kept).randrange(last) if number % 1_000 < 2 else draw.randrange(last)
            row = {
                "id": kept,
                "question": f"Question {kept}: {stream[place : place + _PROMPT_CHARS]}?",
                "answer": f"{stream[last - place : last - place + _ANSWER_CHARS]} so it is {kept * 7 % 1_000}.",
            }
            file.write(json.dumps(row) + "\n")


def run(program: str, path: Path) -> Run:
    """Runs a program on the file in a process of its own. Raises where it fails."""
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"it failed:\n{program}")
    return Run(seconds, used.ru_maxrss / 1024)


def line(name: str, runs: Sequence[Run]) -> str:
    """A row of the table: the median of the seconds, all of them, the largest peak."""
    seconds = [one.seconds for one in runs]
    each = ", ".join(f"{one:.1f}" for one in seconds)
    return f"| {name} | {statistics.median(seconds):.1f} s | {each} | {max(one.mib for one in runs):,.0f} MiB |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="Leave the others out.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        write_rows(path, asked.rows)
        size, load = path.stat().st_size / 1e9, os.getloadavg()[0]
        print(f"{asked.rows:,} rows, {size:.2f} GB, {os.cpu_count()} cores, load before {load:.1f}\n")
        print("| program | median | runs | peak |\n|---|--:|--:|--:|")
        for name, program in PROGRAMS.items():
            if not asked.alone or program is OURS:
                print(line(name, [run(program, path) for _ in range(asked.runs)]), flush=True)


if __name__ == "__main__":
    main()
