"""Which model of a run is shipped, and what is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graders.errors import UserError
from pipelines.plan import Evaluate, is_control
from pipelines.plan_file import LoadedPlan
from pipelines.stages import STAGES
from pipelines.state import Step, why_run


@dataclass(frozen=True, slots=True)
class Chosen:
    """The stage that left the model, and the evaluation that answered test rows with it (None where none did)."""

    loaded: LoadedPlan
    run_folder: Path
    step: Step
    evaluation: Step | None

    @property
    def model(self) -> Path:
        return self.step.folder / "model"

    @property
    def adapter(self) -> Path | None:
        """The LoRA adapter that was merged into it; None where all weights were trained."""
        folder = self.step.folder / "adapter"
        return folder if folder.is_dir() else None


def choose(loaded: LoadedPlan, run_folder: Path, todo: Sequence[Step], stage: str | None) -> Chosen:
    """The named stage's model, else the newest that is no control. Raises UserError where there is none."""
    left = [step for step in todo if STAGES[step.stage.type].leaves == "policy"]
    names = [step.stage.name for step in left]
    if stage is not None and stage not in names:
        raise UserError(
            f"`{stage}` is no stage that leaves a model", f"one of {', '.join(names)}", where=str(run_folder)
        )
    wanted = [step for step in left if step.stage.name == stage or (stage is None and not is_control(step.stage))]
    done = [step for step in wanted if step.record() is not None]
    if not done:
        why = f": {wanted[-1].stage.name}, {why_run(wanted[-1], run_folder)}" if wanted else ""
        happened = f"no stage that leaves the model is done{why}"
        raise UserError(happened, "a finished one", "finetune-advisor run", str(run_folder))
    if not (done[-1].folder / "model").is_dir():
        happened = f"the model of `{done[-1].stage.name}` is no longer there"
        raise UserError(happened, "the stage's folder as it was", "run again with --force", str(done[-1].folder))
    return Chosen(loaded, run_folder, done[-1], _evaluation(todo, done[-1]))


def _evaluation(todo: Sequence[Step], trained: Step) -> Step | None:
    """The last greedy one of this model."""
    asked = [
        step
        for step in todo
        if isinstance(step.stage, Evaluate)
        and step.stage.best_of == 1
        and step.sources.get("policy") == trained.stage.name
        and step.record() is not None
    ]
    return asked[-1] if asked else None
