"""Some real steps of one stage, measured: python /…/pipelines/preflight/trial_child.py REQUEST ANSWER

REQUEST: {"plan", "base", "stage", "folder", "cycle"}; the plan is a trial's (trial.py). ANSWER: a Measured.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Runs the stage's own function to its end: steps, sampling, saving. In GRPO as if each answer taught something."""
    from pipelines import grpo_trainer
    from pipelines.job import Job, Progress
    from pipelines.plan import Plan
    from pipelines.preflight import peak
    from pipelines.sources import locate
    from pipelines.stages import STAGES

    base, folder = Path(request["base"]), Path(request["folder"])
    plan = Plan.model_validate(request["plan"], context={"folder": base})
    (stage,) = plan.stages
    run = STAGES[stage.type].function()
    job = Job(plan, stage.name, base, folder, locate(plan.model, base), None, Progress(folder / "events.jsonl"))
    grpo_trainer.LEAVES_OUT = False
    held = peak.start()
    run(job)
    seconds, timed = step_seconds(folder / "events.jsonl", request["cycle"])
    return {"peak_bytes": peak.read() - held, "held_bytes": held, "seconds": seconds, "timed": timed}


def step_seconds(events: Path, cycle: int) -> tuple[float | None, int]:
    """Seconds of an optimizer step and how many were timed, after the first `cycle` of them, which warm up."""
    told = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    steps = [(event["done"], event["time"]) for event in told if event.get("unit") == "steps"]
    later = [one for one in steps if one[0] >= cycle]
    if len(later) < 2:
        return None, 0
    (first, began), (last, ended) = later[0], later[-1]
    return (ended - began) / (last - first), int(last - first)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from pipelines.preflight.children import answer_with

    sys.exit(answer_with(main))
