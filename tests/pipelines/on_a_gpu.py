"""Stages on the pretended GPU: python -m tests.pipelines.on_a_gpu FILE TUNING STAGE... writes what came of each."""

import json
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from pipelines.job import Job, Stopped
from pipelines.plan import Plan
from pipelines.sources import STARTER
from pipelines.stages import STAGES
from pipelines.starter.tasks import generate
from tests.pipelines.test_grpo import StopsAt
from tests.pretended_gpu import pretended_gpu

SHORT = {"epochs": 1, "batch_size": 8}
RL = {"prompts_per_step": 2, "max_new_tokens": 10}
STAGE: dict[str, dict[str, Any]] = {
    "evaluate": {},
    "probe": {"rows": 8, "samples_per_prompt": 2, "styles": ["few_shot"]},
    "sft": SHORT,
    "rejection_sampling": {"samples_per_prompt": 1, "max_new_tokens": 10} | SHORT,
    "grpo": {"steps": 3, "group_size": 4} | RL,
    "ppo": {"steps": 2} | RL,
    "dpo": SHORT,
    "kto": SHORT,
    "reward_model": SHORT,
}
STOPPED = ("sft", "grpo", "ppo", "dpo")
READS = {"dpo": "pairs", "reward_model": "pairs", "kto": "marked"}


def rows(kind: str) -> list[dict[str, Any]]:
    own = generate("intent", 40, seed=3)
    if kind == "pairs":
        return [{"prompt": row["prompt"], "chosen": row["completion"], "rejected": "I do not know."} for row in own]
    if kind == "marked":
        return [
            {"prompt": row["prompt"], "completion": row["completion"] if good else "no", "label": bool(good)}
            for good, row in ((number % 2, row) for number, row in enumerate(own))
        ]
    return own


def job_of(stage: str, tuning: str, folder: Path, **grader: Any) -> Job:
    kind = READS.get(stage, "own")
    for part, some in {"train": slice(0, 24), "validation": slice(24, 32), "test": slice(32, 40)}.items():
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(kind)[some]))
    plan = {
        "version": 1,
        "name": "p",
        "model": {"name": "starter", "tuning": tuning},
        "data": {part: f"{part}.jsonl" for part in ("train", "validation", "test")},
        "graders": {"answer": {"type": "exact_match"}, "reward": grader or {"type": "exact_match"}},
        "metric": "answer" if kind == "own" else "preference",
        "reward": "reward",
        "evaluation": {"max_new_tokens": 12, "pass_k": 2, "pass_k_rows": 4},
        "stages": [{"type": stage, "name": "s", **STAGE[stage]}],
    }
    out = folder / "out"
    out.mkdir()
    loaded = Plan.model_validate(plan, context={"folder": folder})
    return Job(
        loaded,
        "s",
        folder,
        out,
        str(STARTER),
        None,
        StopsAt(out / "events.jsonl", 2 if stage in STOPPED and not grader else 0),
    )


def run(stage: str, tuning: str) -> dict[str, Any]:
    """What the stage says it measured; what trains in steps is stopped during the second one and goes on."""
    with TemporaryDirectory() as folder:
        here = Path(folder)
        job = job_of(stage, tuning, here)
        if stage in STOPPED:
            stopped = False
            try:
                STAGES[stage].function()(job)
            except Stopped:
                stopped = True
            assert stopped, "it was not stopped"
            job.progress.stop_requested = False
        numbers = dict(STAGES[stage].function()(job))
        if stage == "reward_model":
            again = here / "again"
            again.mkdir()
            graded = job_of("ppo", tuning, again, type="reward_model", model=str(job.model_folder))
            numbers["ppo"] = dict(STAGES["ppo"].function()(graded))["steps"]
    return numbers


def mixed(_: str) -> dict[str, Any]:
    """What must fail, or the GPU is none."""
    return {"sum": torch.ones(2, device="cuda") + torch.ones(2)}


def main(path: Path, tuning: str, stages: list[str]) -> None:
    found = {}
    with pretended_gpu():
        for stage in stages:
            try:
                found[stage] = {"numbers": mixed(tuning) if stage == "mixed" else run(stage, tuning)}
            except Exception:  # noqa: BLE001 - each stage is told of by itself
                found[stage] = {"error": traceback.format_exc()}
    path.write_text(json.dumps(found, default=str))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
