"""What was measured of a plan's own model before the plan ran: by `init` or `probe`, kept beside the plan.

It stands in `runs/_probe/` (no plan can be called so), as the record of a plan with a probe alone. A probe in the plan
that would measure the same takes it over, so that nothing is paid for twice.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from graders.errors import UserError
from graders.reward_model import stages_of
from pipelines.files import write_json
from pipelines.plan import ModelSpec, Plan, Probe, PromptStyle, served_by
from pipelines.plan_file import LoadedPlan
from pipelines.probe_result import Probed
from pipelines.state import Record, Step, steps

FOLDER = Path("runs") / "_probe"
SETTINGS = ("rows", "samples_per_prompt", "temperature", "max_new_tokens")
FILES = ("samples.jsonl", "prompts.jsonl")


def known(loaded: LoadedPlan) -> Probed | None:
    """What was measured before, with the same model, rows, grader and settings; None where nothing was."""
    record = as_plan(loaded, written_probe(loaded.plan))[2].record()
    return Probed.of(record.numbers) if record else None


def take_over(loaded: LoadedPlan, step: Step) -> str | None:
    """Makes what was measured before the stage's own record; says where it was. None, and nothing happens, where the
    stage is no probe of the plan's own model that ends early, or nothing was measured as it would."""
    stage = step.stage
    if not isinstance(stage, Probe) or stage.styles or not stage.stop_early or served_by(stage):
        return None
    if step.sources or step.judges or not (loaded.folder / FOLDER).is_dir():
        return None
    if loaded.plan.reward_of(stage) != _grader_name(loaded.plan):
        return None
    before = as_plan(loaded, stage)[2]
    try:
        record = before.record()
    except UserError:  # damaged: then it is measured again
        return None
    if record is None or not all((before.folder / name).is_file() for name in FILES):
        return None
    note = f"measured before this run, in {before.folder.relative_to(loaded.folder)}"
    numbers = Probed.of(record.numbers).model_copy(update={"styles": (), "notes": (note,)}).model_dump(mode="json")
    own = {"stage": stage.name, "fingerprint": step.fingerprint, "parts": dict(step.parts), "numbers": numbers}
    step.folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(before.folder / name, step.folder / name)
    write_json(step.folder / "job.json", {"parts": dict(step.parts), "plan": str(loaded.path)})
    write_json(step.record_path, Record.model_validate(record.model_dump() | own).model_dump(mode="json"))
    return note


def written_probe(plan: Plan) -> Probe | None:
    """The plan's first probe."""
    return next((stage for stage in plan.stages if isinstance(stage, Probe)), None)


def as_plan(loaded: LoadedPlan, written: Probe | None, **fields: int) -> tuple[LoadedPlan, Path, Step]:
    """The plan with a probe alone, its run folder, and its step. written: what gives the settings; fields: what does
    before it. Without what decides no answer, so that a change of it measures nothing anew."""
    plan, grader = loaded.plan, _grader(loaded)
    settings: dict[str, Any] = {name: getattr(written, name) for name in SETTINGS} if written else {}
    settings |= fields
    stage = Probe(type="probe", name="probe", reward=grader, styles=get_args(PromptStyle), stop_early=True, **settings)
    model = ModelSpec.model_validate(plan.model.model_dump(exclude={"tuning", "lora_rank"}))
    data = plan.data.model_copy(update={"balance": "none", "columns": _asked_columns(plan.data.columns)})
    kept = {"model": model, "data": data, "stages": (stage,), "decision": None, "metric": grader, "processes": 1}
    asked = LoadedPlan(plan.model_copy(update=kept), loaded.path)
    (step,) = steps(asked, loaded.folder / FOLDER)
    return asked, loaded.folder / FOLDER, step


def _grader_name(plan: Plan) -> str | None:
    return next((name for name in (plan.metric, plan.reward) if name in plan.graders), None)


def _grader(loaded: LoadedPlan) -> str:
    plan = loaded.plan
    name = _grader_name(plan)
    if name is None:
        happened = f"the metric is {plan.metric}, which grades no answer"
        raise UserError(happened, "a grader under `graders:`, named as `metric` or `reward`", where=str(loaded.path))
    if missing := stages_of(plan.graders[name].model_dump()):
        happened = f"the grader `{name}` is the reward model of stage `{min(missing)}`, which is not trained yet"
        raise UserError(happened, "a grader that can grade now", where=str(loaded.path))
    return name


def _asked_columns(columns: Mapping[Any, str]) -> dict[Any, str]:
    """Without a completion that is only the reference again: SFT reads it so, an answer to be compared is none."""
    twice = columns.get("completion") is not None and columns.get("completion") == columns.get("reference")
    return {role: column for role, column in columns.items() if not (twice and role == "completion")}
