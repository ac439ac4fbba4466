"""From raw samples to two policies: `python -m benchmarks.tone --out DIR`.

The starter writes four completions to each of 500 prompts, two simulated people rank them (people.py), and from the
same answers come a policy by DPO, and a reward model and a policy by PPO. A rule that none of these saw decides
(polite.py): the share of polite short replies among greedy answers to 500 test prompts, and among eight sampled ones.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.tone.people import rank
from graders.statistics import paired_bootstrap
from pipelines.preferences.answers import answer_lines
from pipelines.preferences.questions import CANDIDATES, read_candidates
from pipelines.starter.tasks import generate

HERE = Path(__file__).parent
WAITING = 75
PARTS = {"train": (1000, 41), "validation": (200, 42), "test": (500, 43)}
"""Part → how many prompts, and their seed."""
TOLD = ("accuracy", "accuracy_interval", "length_only", "majority", "quick_accuracy", "ece", "kl", "last_kl_per_token")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    for seed in options.seeds:
        folder = options.out / str(seed)
        make(folder, seed)
        started = time.monotonic()
        if run(folder, "dpo") == WAITING:
            answer(folder, seed)
            run(folder, "dpo")
        run(folder, "ppo")
        print(table(folder))
        print(f"seed {seed}: {time.monotonic() - started:.0f} s in all")


def make(folder: Path, seed: int) -> None:
    """Prompts without any answer, the plans and the rule."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, (number, own) in PARTS.items():
        rows = [{"prompt": row["prompt"]} for row in generate("tone", number, seed=100 * seed + own)]
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("dpo", "ppo"):
        (folder / f"{name}.yaml").write_text((HERE / f"{name}.yaml").read_text().replace("seed: 0", f"seed: {seed}"))
    shutil.copy(HERE / "polite.py", folder)


def run(folder: Path, plan: str) -> int:
    """The exit code."""
    tool = Path(sys.executable).with_name("finetune-advisor")
    return subprocess.run([str(tool), "run", f"{plan}.yaml"], cwd=folder, check=False).returncode


def answer(folder: Path, seed: int) -> None:
    """Two people answer all that `run` sampled; the file is as `finetune-advisor label` writes it."""
    (path,) = folder.glob(f"runs/dpo/stages/label-*/{CANDIDATES}")
    questions = [question for question in read_candidates(path) if len(question.completions) > 1]
    given = [one for name in ("Ann", "Ben") for one in rank(questions, name, seed)]
    (folder / "preferences.jsonl").write_text(answer_lines(given))


def table(folder: Path) -> str:
    """Both shares of every model, with the paired gain over the base; what the reward model is worth; KL; seconds."""
    lines = ["| model | greedy | gain | sampled | gain |", "|---|--:|--:|--:|--:|"]
    base = {}
    for path in sorted(folder.glob("runs/*/stages/*/done.json"), key=lambda path: path.stat().st_mtime):
        record = json.loads(path.read_text())
        numbers = record["numbers"]
        if record["type"] == "evaluate":
            found = {
                "greedy": shares(path.with_name("grades.jsonl")),
                "sampled": shares(path.with_name("samples.jsonl")),
            }
            base = base or found
            cells = [cell for kind in found for cell in (mean(found[kind]), gain(base[kind], found[kind]))]
            lines.append(f"| {record['stage']} | {' | '.join(cells)} |")
        else:
            known = (
                "accuracy",
                "accuracy_interval",
                "length_only",
                "majority",
                "quick_accuracy",
                "ece",
                "kl",
                "last_kl",
            )
            told = {key: numbers[key] for key in known if key in numbers}
            lines.append(f"| {record['stage']}: {record['seconds']:.0f} s, {told} | | | | |")
    return "\n".join(lines)


def shares(path: Path) -> dict[int, float]:
    """Row → share of its answers that pass."""
    by_row = defaultdict(list)
    for row in map(json.loads, path.read_text().splitlines()):
        by_row[row["index"]].append(float(row["passed"]))
    return {row: sum(some) / len(some) for row, some in by_row.items()}


def mean(found: dict[int, float]) -> str:
    return f"{100 * sum(found.values()) / len(found):.1f} %"


def gain(before: dict[int, float], after: dict[int, float]) -> str:
    """In points, with the 95 % interval over prompts."""
    if before == after:
        return "-"
    differences = [100 * (after[row] - before[row]) for row in before]
    interval = paired_bootstrap(differences, list(before))
    return f"{sum(differences) / len(differences):+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"


if __name__ == "__main__":
    main()
