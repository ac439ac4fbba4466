"""Where a stage `label` of a run keeps what people say: a store in RUN/labels/, beside the file of answers.

In: a plan, its run, the stage's name. Out: the desk, with store and file brought together.
"""

from dataclasses import dataclass
from pathlib import Path

from graders.errors import UserError
from pipelines.data.checked import load_checked
from pipelines.plan import Label
from pipelines.plan_checks import did_you_mean
from pipelines.plan_file import LoadedPlan
from pipelines.preferences.answers_file import AnswersFile, Met
from pipelines.preferences.desk import Desk
from pipelines.preferences.enough import prompts_to_train_on
from pipelines.preferences.questions import CANDIDATES
from pipelines.preferences.store import Store
from pipelines.state import Step, answers_path, steps


@dataclass(frozen=True, slots=True)
class Place:
    """A stage's desk and what it stands on. met: what was found to differ between store and file. prompts: hashes of
    those that training may see."""

    desk: Desk
    store: Store
    file: AnswersFile
    met: Met
    prompts: frozenset[str]


def label_step(loaded: LoadedPlan, run_folder: Path, name: str | None) -> Step:
    """The stage of that name, or the only one of type `label`. Raises UserError where there is none, or a choice."""
    found = {step.stage.name: step for step in steps(loaded, run_folder) if isinstance(step.stage, Label)}
    if not found:
        raise UserError(
            "the plan has no stage of type `label`", "one", "add - {type: label, name: ask}", str(loaded.path)
        )
    if name is None and len(found) > 1:
        raise UserError(f"the plan has {len(found)} stages of type `label`", "one of them", f"--stage {min(found)}")
    if name is not None and name not in found:
        raise UserError(f"no stage of type `label` is called `{name}`{did_you_mean(name, found)}", ", ".join(found))
    return found[name] if name else next(iter(found.values()))


def labels_folder(run_folder: Path) -> Path:
    """It outlives the stages' folders: what people said is of use whatever becomes of the plan."""
    return run_folder / "labels"


def open_place(loaded: LoadedPlan, run_folder: Path, step: Step) -> Place:
    """Opens store and file and brings them together. Raises UserError for a file that cannot be read."""
    assert isinstance(step.stage, Label)
    folder = labels_folder(run_folder)
    store = Store(folder / f"{step.stage.name}.sqlite")
    file = AnswersFile(answers_path(step, loaded.folder), folder / f"{step.stage.name}.lock")
    met = file.bring_together(store)
    prompts = prompts_to_train_on(load_checked(loaded.plan.data, loaded.folder))
    desk = Desk(step.folder / CANDIDATES, store, file, prompts, step.stage.at_least)
    return Place(desk, store, file, met, prompts)
