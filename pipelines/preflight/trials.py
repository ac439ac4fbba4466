"""All trials that were asked for, one after another; what cannot be tried is said, and what dies is red."""

from collections.abc import Sequence

from graders.errors import UserError
from graders.reward_model import stages_of
from pipelines.plan import Label, Stage
from pipelines.preflight.children import ChildFailed
from pipelines.preflight.look import StageLook
from pipelines.preflight.measured import Measured, Use
from pipelines.preflight.memory import free_bytes
from pipelines.preflight.record import Line, amber, of_error, red
from pipelines.preflight.subject import Subject, gib
from pipelines.preflight.trial import measure
from pipelines.stages import graders_of

_ABOUT = {"memory": "one step", "time": "time"}


def run(subject: Subject, uses: Sequence[Use]) -> tuple[dict[tuple[str, Use], Measured], list[Line]]:
    """(stage, use) → what it took, and lines about those that gave no number."""
    measured: dict[tuple[str, Use], Measured] = {}
    lines = []
    for use in uses:
        for look in subject.stages:
            about = _ABOUT[use]
            if (why := _untried(subject, look)) is not None:
                lines.append(amber(about, f"not tried: {why}", "", stage=look.stage))
                continue
            try:
                measured[look.stage, use] = measure(subject, look, use)
            except UserError as error:
                lines.append(of_error(about, error, look.stage))
            except ChildFailed as error:
                fix = "tuning: lora, shorter rows or answers, or a device with more memory"
                lines.append(red(about, f"its first steps failed: {error}", "steps that run", fix, look.stage))
    return measured, lines


def _untried(subject: Subject, look: StageLook) -> str | None:
    """Why a stage cannot be tried alone; None where it can."""
    plan = subject.plan
    stage = next(stage for stage in plan.stages if stage.name == look.stage)
    graders = [plan.graders[name].model_dump(mode="json") for name in graders_of(plan, stage) if name in plan.graders]
    if judges := stages_of(graders):
        return f"it goes by the reward model of stage `{judges[0]}`, which is not trained yet"
    if not look.row_numbers:
        return _of_people(plan.stages)
    on_cpu = subject.look is not None and subject.look.gpu is None
    if on_cpu and look.trial_bytes > free_bytes():
        return f"it would take about {gib(look.trial_bytes)}, and {gib(free_bytes())} are free"
    return None


def _of_people(stages: Sequence[Stage]) -> str:
    named = [stage.name for stage in stages if isinstance(stage, Label)]
    return f"it reads people's answers of stage `{named[-1]}`" if named else "it reads people's answers"
