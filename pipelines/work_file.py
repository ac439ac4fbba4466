"""work.json: what a stage's process is to do. Written by the runner, read by `pipelines/worker.py`.

{"runner": the pid that a plain worker dies with, else null, "trains": whether the stage trains a model, "plan": the
plan, "base": where its paths start, "jobs": one for each stage of the batch, as `_job` makes them}
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graders.errors import UserError
from graders.reward_model import with_folders
from pipelines.files import write_json
from pipelines.plan import Training
from pipelines.plan_file import LoadedPlan
from pipelines.sources import locate
from pipelines.state import Record, Step, answers_identity, answers_path


def write_work(loaded: LoadedPlan, batch: Sequence[Step], todo: Sequence[Step], plain: bool) -> Path:
    """The file, in the first stage's folder. plain: no launcher stands between the runner and the worker."""
    jobs = []
    for step in batch:
        rows = answers_to_read(loaded, step, todo)
        jobs.append(_job(step, _policy(loaded, step, todo), rows, _match_seconds(step, todo)))
        write_json(step.folder / "job.json", {"parts": dict(step.parts), "plan": str(loaded.path)})
    path = batch[0].folder / "work.json"
    path.with_name("error.json").unlink(missing_ok=True)
    plan = with_folders(loaded.plan.model_dump(mode="json"), _reward_models(batch, todo))
    runner = os.getpid() if plain else None
    trains = isinstance(batch[0].stage, Training)
    write_json(path, {"runner": runner, "trains": trains, "plan": plan, "base": str(loaded.folder), "jobs": jobs})
    return path


def _policy(loaded: LoadedPlan, step: Step, todo: Sequence[Step]) -> str:
    """The input model: an earlier step's folder, or the plan's own."""
    name = step.sources.get("policy")
    if name is None:
        return locate(loaded.plan.model, loaded.folder)
    model = _named(name, todo).folder / "model"
    _require_model(name, model)
    return str(model)


def _reward_models(batch: Sequence[Step], todo: Sequence[Step]) -> dict[str, str]:
    """Stage → the folder of the reward model it left, of all that the batch's graders score with."""
    folders = {name: _named(name, todo).folder / "model" for step in batch for name in step.judges}
    for name, folder in folders.items():
        _require_model(name, folder)
    return {name: str(folder) for name, folder in folders.items()}


def _require_model(stage: str, model: Path) -> None:
    if not model.is_dir():
        raise UserError(
            f"the model that stage `{stage}` left is gone",
            "the folder as the stage left it",
            f"make it anew: run again with --force {stage}",
            str(model),
        )


def answers_to_read(loaded: LoadedPlan, step: Step, todo: Sequence[Step]) -> str | None:
    """The file of people's answers, as it was when the run began: they may go on answering meanwhile."""
    name = step.sources.get("rows")
    if name is None:
        return None
    path = answers_path(_named(name, todo), loaded.folder)
    if answers_identity(path) != step.parts["answers"]:
        happened = f"stage `{step.stage.name}`: people gave or took back answers since this run began"
        raise UserError(happened, "the answers as they were", "run again, to train on all of them", str(path))
    return str(path)


def _named(name: str, todo: Sequence[Step]) -> Step:
    return next(step for step in todo if step.stage.name == name)


def _job(step: Step, policy: str, rows: str | None, match_seconds: float | None) -> dict[str, Any]:
    return {
        "stage": step.stage.name,
        "type": step.stage.type,
        "folder": str(step.folder),
        "policy": policy,
        "rows": rows,
        "match_seconds": match_seconds,
        "most_seconds": _most_seconds(step),
        "fingerprint": step.fingerprint,
        "parts": dict(step.parts),
    }


def _match_seconds(step: Step, todo: Sequence[Step]) -> float | None:
    if not isinstance(step.stage, Training) or step.stage.same_time_as is None:
        return None
    record = finished_record(_named(step.stage.same_time_as, todo))
    return float(record.numbers["train_seconds"])


def _most_seconds(step: Step) -> float | None:
    minutes = step.stage.max_minutes if isinstance(step.stage, Training) else None
    return None if minutes is None else 60 * minutes


def finished_record(step: Step) -> Record:
    """The record of a step that must be done by now."""
    record = step.record()
    if record is None:
        happened = f"stage `{step.stage.name}` ended without a record"
        raise UserError(happened, "done.json; was the folder removed?", "run again", str(step.folder))
    return record
