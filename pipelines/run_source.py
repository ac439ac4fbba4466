"""PLAN|RUN of a command: a plan, or a run's folder, which knows its plan."""

import json
from pathlib import Path

from graders.errors import UserError
from pipelines.plan_file import LoadedPlan, load_plan
from pipelines.runner import default_run_folder


def plan_of(path: Path) -> tuple[LoadedPlan, Path]:
    """The plan with the run's folder. Raises UserError for a folder that is no run's."""
    if not path.is_dir():
        loaded = load_plan(path)
        return loaded, default_run_folder(loaded).resolve()
    jobs = sorted(path.glob("stages/*/job.json"), key=lambda job: job.stat().st_mtime_ns)
    if not jobs:
        raise UserError("this folder is no run", "a plan.yaml, or a run's folder such as runs/NAME", where=str(path))
    plan = Path(json.loads(jobs[-1].read_text(encoding="utf-8"))["plan"])
    return load_plan(plan), path.resolve()
