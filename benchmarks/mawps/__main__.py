"""Runs the plans over several seeds and prints one table: `python -m benchmarks.mawps --data DIR --out DIR`.

DIR of --data holds fold0_train.csv and fold0_dev.csv. A run that was stopped goes on where it was. The difference to
SFT is paired by row and seed; its interval resamples the 384 prompts, each with all its seeds.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.mawps.make import make
from graders.statistics import paired_bootstrap

PLANS = ("rft", "all", "claims")
BASELINES = ("after_sft", "after_sft_longer")
"""SFT on the worked rows with what did best on validation, and for as long as PPO took."""

Passed = dict[int, bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Folder of MAWPS fold 0.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--plans", nargs="+", default=list(PLANS[:2]), choices=PLANS)
    options = parser.parse_args()
    tool = Path(sys.executable).with_name("finetune-advisor")
    folders = [options.out / str(seed) for seed in options.seeds]
    for seed, folder in zip(options.seeds, folders, strict=True):
        if not folder.exists():
            make(options.data, folder, seed)
        for plan in options.plans:
            subprocess.run([str(tool), "run", f"{plan}.yaml"], cwd=folder, check=False)
    print(table(folders))


def table(folders: list[Path]) -> str:
    """Pass rates of each model over the seeds, the difference to SFT on 300 rows, and seconds of training."""
    found = [evaluations(folder) for folder in folders]
    lines = [
        "| model | pass rate by seed | mean | points over SFT on 300 | over SFT for as long | seconds |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for name in dict.fromkeys(name for models in found for name in models):
        rates = [100 * sum(models[name].values()) / len(models[name]) for models in found if name in models]
        took = [str(seconds(folder, name)) for folder, models in zip(folders, found, strict=True) if name in models]
        by_seed = ", ".join(f"{rate:.1f}" for rate in rates)
        mean = sum(rates) / len(rates)
        gains = " | ".join(against(name, baseline, found) for baseline in BASELINES)
        lines.append(f"| {name} | {by_seed} | {mean:.1f} | {gains} | {', '.join(took)} |")
    return "\n".join(lines)


def against(name: str, baseline: str, found: list[dict[str, Passed]]) -> str:
    """The mean paired difference to the baseline in points, with its 95 % interval."""
    pairs = [
        (row, 100.0 * (passed - models[baseline][row]))
        for models in found
        if name in models and baseline in models
        for row, passed in models[name].items()
        if row in models[baseline]
    ]
    if not pairs or name == baseline:
        return "-"
    rows, differences = zip(*pairs, strict=True)
    interval = paired_bootstrap(differences, rows)
    return f"{sum(differences) / len(differences):+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"


def evaluations(folder: Path) -> dict[str, Passed]:
    """Evaluation → row → whether the answer passes; of two with one name the newer."""
    found: dict[str, Passed] = {}
    for done in sorted(folder.glob("runs/*/stages/*/done.json"), key=lambda path: path.stat().st_mtime):
        record = json.loads(done.read_text())
        if record["type"] == "evaluate":
            rows = map(json.loads, done.with_name("grades.jsonl").read_text().splitlines())
            found[record["stage"]] = {row["index"]: bool(row["passed"]) for row in rows}
    return found


def seconds(folder: Path, evaluation: str) -> int | None:
    """What training the evaluated model took."""
    stage = evaluation.removeprefix("after_")
    records = [json.loads(done.read_text()) for done in folder.glob(f"runs/*/stages/{stage}-*/done.json")]
    return round(records[-1]["numbers"]["train_seconds"]) if records else None


if __name__ == "__main__":
    main()
