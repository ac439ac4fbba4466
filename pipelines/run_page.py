"""The run's side of report.html: its line of stages, its curves, and what made it."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.evals.page.curves import Trained, charts_of
from pipelines.evals.page.page import Run, Stop, page
from pipelines.evals.summary import Evaluated, Report
from pipelines.files import write_text
from pipelines.gate_file import kept
from pipelines.plan import Plan, Training
from pipelines.stage_course import course
from pipelines.state import Record, Step

PAGE = "report.html"
_TOLD = {
    "steps": "steps",
    "taken_from_step": "taken from step",
    "examples": "examples",
    "prompts": "prompts",
    "kept": "answers kept",
    "learning_rate": "learning rate",
    "validation_before": "validation score from",
    "validation_score": "to",
    "first_reward": "reward from",
    "last_reward": "to",
    "groups_without_spread": "groups without spread",
    "last_kl_per_token": "KL a token",
    "kl": "KL an answer",
    "accuracy": "pairs right",
    "ece": "calibration error",
}
"""A record's numbers that are shown, in this order."""


def write_page(run_folder: Path, plan: Plan, todo: Sequence[Step], report: Report, models: Sequence[Evaluated]) -> None:
    """Beside report.md."""
    done = [(step, record) for step in todo if (record := step.record()) is not None]
    trained = [_trained(step, record) for step, record in done if isinstance(step.stage, Training)]
    decision = plan.decision.model_dump() if plan.decision else None
    run = Run(decision, [_stop(step) for step in todo], trained, _made(plan, done))
    write_text(run_folder / PAGE, page(report, models, run))


def _stop(step: Step) -> Stop:
    record = step.record()
    if record is None:
        return Stop(step.stage.name, step.stage.type, "open", "not run", None)
    judged = kept(step)
    if judged is not None and judged.refusal is not None:
        told = ("gate shut, allowed: " if judged.allowed else "gate shut: ") + judged.refusal
        return Stop(step.stage.name, step.stage.type, "shut", told, record.seconds)
    return Stop(step.stage.name, step.stage.type, "done", _came_to(record), record.seconds)


def _came_to(record: Record) -> str:
    numbers = record.numbers
    if isinstance(numbers.get("pass_rate"), float):
        return f"pass rate {numbers['pass_rate']:.1%}"
    if went := course(numbers):
        return went
    if "verdict" in numbers:
        return str(numbers["verdict"])
    return f"{numbers['steps']} steps" if "steps" in numbers else "done"


def _trained(step: Step, record: Record) -> Trained:
    numbers = record.numbers
    facts = tuple((name, _shown(numbers[key])) for key, name in _TOLD.items() if numbers.get(key) is not None)
    alarms = numbers.get("alarms", [])
    said = tuple(f"Alarm {alarm['name']} at step {alarm['step']}: {alarm['text']}." for alarm in alarms)
    round_folder = step.folder / "rounds" / str(numbers.get("best_round"))
    charts = charts_of(step.folder, alarms) or charts_of(round_folder, alarms)
    return Trained(step.stage.name, step.stage.type, facts, charts, said)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _made(plan: Plan, done: Sequence[tuple[Step, Record]]) -> list[tuple[str, str]]:
    found = [("model", plan.model.name), ("data", plan.data.train), ("seed", str(plan.seed))]
    for step, record in done:
        found.append((f"stage {step.stage.name}", f"fingerprint {record.fingerprint[:16]}, {record.finished}"))
    if done:
        found += [(name, version) for name, version in done[-1][1].versions.items()]
        found += [("code that graders ran", guard) for guard in done[-1][1].guards]
    return found
