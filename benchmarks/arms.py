"""Runs plans over several seeds and prints one table of their models.

In: a folder a seed, made by the benchmark's own function. A run that was stopped goes on where it was. The difference
to a baseline is paired by row and seed; its interval resamples the prompts, each with all its seeds.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from graders.statistics import paired_bootstrap

Passed = dict[int, bool]


def main(
    doc: str, make: Callable[[Path, Path, int], None], plans: tuple[str, ...], usual: int, baselines: Mapping[str, str]
) -> None:
    """make: data folder, folder to write, seed. usual: so many of the plans run unless told. baselines: evaluation →
    the column's heading.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--data", type=Path, help="Folder of the public rows, where the benchmark uses any.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--plans", nargs="+", default=list(plans[:usual]), choices=plans)
    options = parser.parse_args()
    tool = Path(sys.executable).with_name("finetune-advisor")
    folders = [options.out / str(seed) for seed in options.seeds]
    for seed, folder in zip(options.seeds, folders, strict=True):
        if not folder.exists():
            make(options.data or Path(), folder, seed)
        for plan in options.plans:
            subprocess.run([str(tool), "run", f"{plan}.yaml"], cwd=folder, check=False)
    print(table(folders, baselines))


def table(folders: list[Path], baselines: Mapping[str, str]) -> str:
    """Pass rates of each model over the seeds, the differences to the baselines, and seconds of training."""
    found = [evaluations(folder) for folder in folders]
    shown = {name: over for name, over in baselines.items() if any(name in models for models in found)}
    lines = [f"| model | pass rate by seed | mean | {' | '.join(shown.values())} | seconds |"]
    lines.append("|---|---|--:|" + "--:|" * (len(shown) + 1))
    for name in dict.fromkeys(name for models in found for name in models):
        rates = [100 * sum(models[name].values()) / len(models[name]) for models in found if name in models]
        took = [str(seconds(folder, name)) for folder, models in zip(folders, found, strict=True) if name in models]
        by_seed = ", ".join(f"{rate:.1f}" for rate in rates)
        mean = sum(rates) / len(rates)
        gains = " | ".join(against(name, baseline, found) for baseline in shown)
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
    """What training the evaluated model took; None for a base, which was not trained."""
    stage = evaluation.removeprefix("after_")
    records = [json.loads(done.read_text()) for done in folder.glob(f"runs/*/stages/{stage}-*/done.json")]
    trained = [record["numbers"]["train_seconds"] for record in records if record["type"] != "evaluate"]
    return round(trained[-1]) if trained else None
