"""Plan → what its model does now: the probe as a plan of one stage of its own, so that it is kept and gone on with.

It runs in a child process, in `runs/_probe/` beside the plan (no plan can be called so). What was measured with the
same model, rows, grader and settings is read from its record; what was stopped goes on. Test rows are never asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from graders.errors import UserError
from graders.reward_model import stages_of
from pipelines.launcher import DONE, Watcher
from pipelines.plan import ModelSpec, Plan, Probe, PromptStyle
from pipelines.plan_file import LoadedPlan
from pipelines.probe_result import Probed
from pipelines.runner import Options, run_plan
from pipelines.state import Record, Step, steps
from pipelines.work_file import finished_record


@dataclass(frozen=True, slots=True)
class Outcome:
    """code: 0, or 75 and 130 where it was stopped; then there is no `found`. kept: it had been measured before.

    folder: where every answer stands with its grade.
    """

    code: int
    found: Probed | None
    folder: Path
    kept: bool


def probe(loaded: LoadedPlan, watcher: Watcher, rows: int | None = None, samples: int | None = None) -> Outcome:
    """Measures the plan's own model by its metric, on validation rows; see pipelines/probe.py.

    rows, samples: at most so many rows and answers to each; else as the plan's probe stage says, or its defaults.
    Raises UserError where nothing can be measured.
    """
    asked = LoadedPlan(_probe_plan(loaded, rows, samples), loaded.path)
    run_folder = loaded.folder / "runs" / "_probe"
    (step,) = steps(asked, run_folder)
    kept = step.record() is not None
    code = run_plan(asked, run_folder, Options(), watcher)
    found = Probed.of(finished_record(step).numbers) if code == DONE else None
    return Outcome(code, found, step.folder, kept)


def known(loaded: LoadedPlan) -> Probed | None:
    """What was measured before, with the same model, rows, grader and settings; None where nothing was."""
    (step,) = steps(LoadedPlan(_probe_plan(loaded, None, None), loaded.path), loaded.folder / "runs" / "_probe")
    record = step.record()
    return Probed.of(record.numbers) if record else None


def _probe_plan(loaded: LoadedPlan, rows: int | None, samples: int | None) -> Plan:
    """The plan with a probe alone, and without what decides no answer, so that a change of it measures nothing anew."""
    plan = loaded.plan
    grader = _grader(loaded)
    written = next((stage for stage in plan.stages if isinstance(stage, Probe)), None)
    kept = ("rows", "samples_per_prompt", "temperature", "max_new_tokens")
    fields: dict[str, Any] = {name: getattr(written, name) for name in kept} if written else {}
    fields |= {"rows": rows} if rows else {}
    fields |= {"samples_per_prompt": samples} if samples else {}
    stage = Probe(type="probe", name="probe", reward=grader, styles=get_args(PromptStyle), stop_early=True, **fields)
    model = ModelSpec.model_validate(plan.model.model_dump(exclude={"tuning", "lora_rank"}))
    data = plan.data.model_copy(update={"balance": "none", "columns": _asked_columns(plan.data.columns)})
    return plan.model_copy(
        update={"model": model, "data": data, "stages": (stage,), "decision": None, "metric": grader, "processes": 1}
    )


def _grader(loaded: LoadedPlan) -> str:
    plan = loaded.plan
    name = next((name for name in (plan.metric, plan.reward) if name in plan.graders), None)
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


class Silent:
    """A Watcher that shows nothing."""

    def skipped(self, step: Step, record: Record) -> None: ...
    def started(self, step: Step, why: str) -> None: ...
    def event(self, step: Step, event: Mapping[str, Any]) -> None: ...
    def finished(self, step: Step, record: Record) -> None: ...
    def gate_closed(self, step: Step, why: str) -> None: ...
    def gate_allowed(self, step: Step, why: str) -> None: ...
    def waits(self, step: Step, why: str) -> None: ...
