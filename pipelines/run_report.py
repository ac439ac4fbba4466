"""What a run has proved so far: from the evaluations' records to report.json and report.md."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graders.errors import UserError
from pipelines.evals.course import PLOT
from pipelines.evals.grades import GradedRow, read_grades
from pipelines.evals.report import write_report
from pipelines.evals.summary import Evaluated, Setting
from pipelines.gate_file import kept
from pipelines.plan import Evaluate, Plan, Probe, is_control, served_by
from pipelines.run_page import write_page
from pipelines.state import Record, Step


def write_run_report(plan: Plan, todo: Sequence[Step], run_folder: Path) -> None:
    """Writes both files over the evaluations that are done; nothing when none is, or only those of controls."""
    models = evaluated(todo)
    if not all(model.control for model in models):
        report = write_report(run_folder, models, _setting(plan, todo))
        write_page(run_folder, plan, todo, report, models)


def evaluated(todo: Sequence[Step]) -> list[Evaluated]:
    """The models that answered the test rows, in the order they were made: the plan's own, else one that is no
    control, is the first."""
    steps = {step.stage.name: step for step in todo}
    order = list(steps)
    done = [step for step in todo if isinstance(step.stage, Evaluate) and step.record() is not None]
    done.sort(key=lambda step: order.index(step.sources["policy"]) if "policy" in step.sources else -1)
    asked = {_origin(step): step.stage.name for step in done if not _is_beside(step, steps)}
    models = [_model(step, steps, asked) for step in done]
    first = next((model for model in models if not model.control), None)
    return sorted(models, key=lambda model: model is not first)


def _origin(step: Step) -> str:
    """The stage that left the model which this one reads; "" for the plan's own."""
    return step.sources.get("policy", "")


def _is_beside(step: Step, steps: Mapping[str, Step]) -> bool:
    """Whether this evaluation is one for comparison only."""
    trained = _origin(step)
    return _best_of(step) > 1 or bool(served_by(step.stage)) or (bool(trained) and is_control(steps[trained].stage))


def _after(step: Step, steps: Mapping[str, Step], asked: Mapping[str, str]) -> str:
    """The evaluation of the nearest model that this one's was trained from. asked: stage → evaluation of its model."""
    stage = _origin(step)
    while stage:
        stage = _origin(steps[stage])
        if stage in asked:
            return asked[stage]
    return ""


def _model(step: Step, steps: Mapping[str, Step], asked: Mapping[str, str]) -> Evaluated:
    record = step.record()
    numbers = record.numbers if record else {}
    trained = steps[_origin(step)] if _origin(step) else None
    made = trained.record() if trained else None
    return Evaluated(
        name=step.stage.name,
        method=_method(step, trained),
        rows=_grades(step, record),
        seconds=made.numbers["train_seconds"] if made else None,
        pass_at_k={int(k): rate for k, rate in numbers.get("pass_at_k", {}).items() if rate is not None},
        control=_is_beside(step, steps),
        after=_after(step, steps, asked),
    )


def _method(step: Step, trained: Step | None) -> str:
    served = served_by(step.stage)
    method = f"{served.model}, served" if served else trained.stage.type if trained else "base"
    return method if _best_of(step) == 1 else f"{method}, best of {_best_of(step)}"


def _best_of(step: Step) -> int:
    return step.stage.best_of if isinstance(step.stage, Evaluate) else 1


def _grades(step: Step, record: Record | None) -> list[GradedRow]:
    """As many rows as the record counts; else the file was damaged after the stage was done."""
    path, again = step.folder / "grades.jsonl", f"run again with --force {step.stage.name}"
    try:
        rows = read_grades(path)
    except UserError as error:
        raise UserError(error.happened, "the file as the stage left it", again, error.where) from None
    if record and len(rows) != record.numbers["n"]:
        happened = f"{len(rows)} graded rows, but the stage graded {record.numbers['n']}"
        raise UserError(happened, "the file as the stage left it", again, str(path))
    return rows


def _setting(plan: Plan, todo: Sequence[Step]) -> Setting:
    numbers = next(step.record() for step in todo if isinstance(step.stage, Evaluate) and step.record())
    measured: Mapping[str, Any] = numbers.numbers if numbers else {}
    grader = plan.graders[plan.metric].model_dump() if plan.metric in plan.graders else {"type": plan.metric}
    records = [_numbers(step) for step in todo]
    rang = [_alarm(step.stage.name, alarm) for step in todo for alarm in _numbers(step).get("alarms", [])]
    best_of = {step.stage.name: _best_of_words(plan, step) for step in todo if _best_of(step) > 1 and step.record()}
    said = [*_allowed(todo), *rang, *(str(numbers["note"]) for numbers in records if "note" in numbers)]
    probes = {step.stage.name: _numbers(step) for step in todo if isinstance(step.stage, Probe) and step.record()}
    courses = {step.stage.name: _course(step) for step in todo if "course" in _numbers(step)}
    return Setting(plan.name, _sampling(plan, measured) | best_of, grader, [*_notes(measured), *said], probes, courses)


def _allowed(todo: Sequence[Step]) -> list[str]:
    """Gates that stayed shut and did not stop the plan."""
    judged = [kept(step) for step in todo if step.record() is not None]
    return [
        f"The gate of {one.stage} stayed shut and was allowed by --allow-gate: {one.refusal}."
        for one in judged
        if one is not None and one.allowed
    ]


def _course(step: Step) -> Mapping[str, Any]:
    return {**_numbers(step)["course"], "plot": f"{step.folder.parent.name}/{step.folder.name}/{PLOT}"}


def _numbers(step: Step) -> Mapping[str, Any]:
    record = step.record()
    return record.numbers if record else {}


def _alarm(stage: str, alarm: Mapping[str, Any]) -> str:
    return f"Alarm `{alarm['name']}` at step {alarm['step']} of {stage}: {alarm['text']}."


def _best_of_words(plan: Plan, step: Step) -> str:
    judge = plan.reward_of(step.stage)
    return f"the best of {_best_of(step)} answers at temperature {plan.evaluation.temperature:g}, by `{judge}`"


def _sampling(plan: Plan, measured: Mapping[str, Any]) -> dict[str, Any]:
    if plan.metric == "likelihood":
        return {"score": "geometric mean probability of the reference's tokens; nothing is sampled, nothing judged"}
    if plan.metric == "preference":
        marks = "a good answer's score: the share of bad ones that are less likely"
        return {"pass rate": f"pairs whose chosen answer is the likelier per token ({marks}); nothing is sampled"}
    sampling = {"pass rate": "greedy, one answer a row", "max_new_tokens": measured["max_new_tokens"]}
    if "pass_at_k_rows" in measured:
        rows, temperature = measured["pass_at_k_rows"], measured["pass_at_k_temperature"]
        sampling["pass@k"] = f"{plan.evaluation.pass_k} answers each to {rows} rows, temperature {temperature}"
    return sampling


def _notes(measured: Mapping[str, Any]) -> list[str]:
    if measured.get("validation_rows", 1) == 0:
        return ["There were too few rows for a validation part: the last weights of each stage were taken."]
    return []
