"""How fast GRPO learns, beside stock TRL: `python -m benchmarks.rft_speed_grpo --out DIR`.

The stage `grpo` from the starter on word problems, once as it is and once with TRL's own GRPOTrainer in the place of
ours: the same weights, rows, G, rate, dtype, batches, length limit, temperature, grader; what differs is the order of
the prompts and the engine that samples. Both are measured on the same validation rows after every few steps while the
clock stands still. Told is the median over seeds of the seconds until the pass rate first reaches --goal, by the clock
and by the CPU time of the process, and seconds a step.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from trl import GRPOTrainer

from pipelines import grpo, keep_best, proxy
from pipelines.job import Job, Progress
from pipelines.plan_file import load_plan
from pipelines.sources import STARTER
from pipelines.starter.tasks import generate

MEASURED_EVERY = 3
"""Optimizer steps."""


class Clock:
    """Seconds of training, by the clock and by the CPU, at each measuring; what measuring takes is left out."""

    def __init__(self) -> None:
        self.found: list[tuple[float, float, float]] = []
        self._paused = (0.0, 0.0)
        self._begun = _now()

    def around(self, measure: Any) -> Any:
        def measured(model: Any) -> Any:
            here = _now()
            found = measure(model)
            spent = [now - begun - paused for now, begun, paused in zip(here, self._begun, self._paused, strict=True)]
            if not self.found:  # before the first step: training begins when this is over
                self._begun, spent = here, [0.0, 0.0]
            self.found.append((spent[0], spent[1], statistics.fmean(found.scores)))
            self._paused = tuple(
                paused + now - then for paused, now, then in zip(self._paused, _now(), here, strict=True)
            )
            return found

        return measured


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def learn(folder: Path, seed: int, steps: int, stock: bool) -> list[tuple[float, float, float]]:
    """(seconds, CPU seconds, pass rate) at each measuring."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count, own in (("train", 32 * steps, 300 + seed), ("validation", 200, 9), ("test", 10, 8)):
        rows = [{"prompt": row["prompt"], "reference": row["reference"]} for row in generate("arithmetic", count, own)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = {
        "name": "speed",
        "seed": seed,
        "data": {part: f"{part}.jsonl" for part in ("train", "validation", "test")},
        "graders": {"answer": {"type": "numeric"}},
        "metric": "answer",
        "stages": [{"type": "grpo", "name": "grpo", "steps": steps, "max_new_tokens": 64, "learning_rate": 2e-4}],
    }
    (folder / "plan.yaml").write_text(json.dumps(plan))
    loaded = load_plan(folder / "plan.yaml")
    clock = Clock()
    ours, by_metric, times = grpo.QueuedGRPOTrainer, proxy.by_metric, keep_best.TIMES
    try:
        if stock:
            grpo.QueuedGRPOTrainer = lambda _queue, **arguments: GRPOTrainer(**arguments)  # type: ignore[assignment,misc]
        proxy.by_metric = lambda *arguments: clock.around(by_metric(*arguments))  # type: ignore[assignment]
        keep_best.TIMES = steps // MEASURED_EVERY
        progress = Progress(folder / "events.jsonl")
        grpo.run(Job(loaded.plan, "grpo", folder, folder, str(STARTER), None, progress))
    finally:
        grpo.QueuedGRPOTrainer, proxy.by_metric, keep_best.TIMES = ours, by_metric, times  # type: ignore[misc]
    return clock.found


def until(found: list[tuple[float, float, float]], goal: float) -> tuple[float, float]:
    """Seconds and CPU seconds until the goal; infinite where it was not reached."""
    return next(((clock, cpu) for clock, cpu, rate in found if rate >= goal), (float("inf"), float("inf")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument(
        "--goal", type=float, default=0.62, help="Pass rate on 200 validation rows; the starter has 0.46."
    )
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    taken: dict[str, list[tuple[float, float]]] = {"ours": [], "stock TRL": []}
    per_step: dict[str, list[float]] = {"ours": [], "stock TRL": []}
    for seed in options.seeds:
        for name, some in taken.items():
            found = learn(options.out / f"{name.split()[0]}-{seed}", seed, options.steps, name != "ours")
            some.append(until(found, options.goal))
            per_step[name].append(found[-1][1] / options.steps)
            rates = " ".join(f"{rate:.3f}" for _, _, rate in found)
            print(f"{name}, seed {seed}: {some[-1][0]:.0f} s ({some[-1][1]:.0f} CPU); {rates}", flush=True)
    for name, some in taken.items():
        clock, cpu = (statistics.median(values) for values in zip(*some, strict=True))
        step = statistics.median(per_step[name])
        print(f"{name}: {clock:.1f} s, {cpu:.1f} CPU s to {options.goal:.0%}; {step:.2f} CPU s a step")
    ratio = [statistics.median(value[side] for value in taken["ours"]) for side in (0, 1)]
    other = [statistics.median(value[side] for value in taken["stock TRL"]) for side in (0, 1)]
    print(f"ours over stock TRL: {ratio[0] / other[0]:.2f} by the clock, {ratio[1] / other[1]:.2f} by CPU time")


if __name__ == "__main__":
    main()
