"""Whether RL has something to learn from: what `finetune-advisor probe` measured before, if it was asked."""

from collections.abc import Iterator

from graders.errors import UserError
from pipelines.plan import Probe
from pipelines.preflight.batch import SAMPLING
from pipelines.preflight.record import Line, amber, green
from pipelines.preflight.subject import Subject
from pipelines.probe_kept import known
from pipelines.probe_result import Probed


def lines(subject: Subject) -> Iterator[Line]:
    """One line where a stage practises; none where the plan has no such stage."""
    stage = next((stage for stage in subject.plan.stages if stage.type in SAMPLING), None)
    if stage is None:
        return
    found = _measured(subject)
    before = subject.plan.stages[: subject.plan.stages.index(stage)]
    if found is not None:
        yield _told(found, any(other.type == "sft" for other in before))
    elif not any(isinstance(other, Probe) for other in before):
        said = "whether this model's answers differ enough for RL to learn from is not known"
        fix = "finetune-advisor probe PLAN, or a stage of type probe before it"
        yield amber("signal", said, fix, stage=stage.name)


def _measured(subject: Subject) -> Probed | None:
    """None where the plan's own model was not probed, or cannot be, as where a reward model must be trained first."""
    try:
        return known(subject.loaded)
    except UserError:
        return None


def _told(found: Probed, warmed: bool) -> Line:
    """The probe is of the plan's own model: where SFT comes first, a starved verdict is what SFT is there to change."""
    told = f"the model was probed: {found.advice}"
    if found.verdict == "ready" or (found.verdict == "starved" and warmed):
        return green("signal", told, found.pass_at_k.get("1"))
    fix = "warm up first, or easier prompts" if found.verdict == "starved" else "harder prompts, or no RL"
    return amber("signal", told, fix, found.pass_at_k.get("1"))
