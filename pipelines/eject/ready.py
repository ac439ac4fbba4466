"""A stage of a plan, ready to be written for a peer: its numbers filled in, its rows read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.eject.examples import Learned
from pipelines.memory import Tuning
from pipelines.models import LORA_RANK, Policy
from pipelines.plan import Plan, Stage
from pipelines.preferences.thumbs import thumb_weights
from pipelines.sized import Sized


@dataclass(frozen=True, slots=True)
class Start:
    """The model that a stage begins with. where: a folder or hub id, or the name of the stage that leaves it.

    earlier: whether it is that name. adapter: whether that stage leaves an adapter, which must be merged first.
    """

    where: str
    earlier: bool = False
    adapter: bool = False

    @property
    def folder(self) -> str:
        """As a config names it, from the ejected folder."""
        if not self.earlier:
            return self.where
        return merged(self.where) if self.adapter else left(self.where)


def left(stage: str) -> str:
    """Where a peer leaves what a stage trained."""
    return f"models/{stage}"


def merged(stage: str) -> str:
    """Where the model lies whose adapter was merged."""
    return f"models/{stage}-merged"


@dataclass(frozen=True, slots=True)
class Ready:
    """train, held: the rows to learn from, and those to evaluate on (empty where there are none).

    new_tokens: of a sampled answer at most; None where none is sampled. known: whether a run would take the same.
    reward: in RL, the reward model to go by, where the reward is one. own_template: whether the model has a chat
    template of its own. folder: of the plan, where relative paths start.
    """

    plan: Plan
    stage: Any
    policy: Policy
    size: Sized
    tuning: Tuning
    start: Start
    train: Learned
    held: Learned
    folder: Path
    own_template: bool
    new_tokens: int | None = None
    known: bool = False
    reward: Start | None = None

    @property
    def name(self) -> str:
        return str(self.stage.name)

    @property
    def rank(self) -> int:
        return self.plan.model.lora_rank or LORA_RANK

    @property
    def template_args(self) -> Mapping[str, Any]:
        return self.plan.model.template_args

    @property
    def on_hub(self) -> bool:
        """Whether it begins with the plan's own model from the hub, of which a revision may be named."""
        return not self.start.earlier and not Path(self.start.where).is_dir()

    @property
    def thumb_weights(self) -> tuple[float, float]:
        """KTO's, of the good and the bad answers' losses."""
        good = sum(example.label is True for example in self.train.examples)
        return thumb_weights(good, len(self.train.examples) - good)

    @property
    def trackers(self) -> list[str] | str:
        """As transformers' `report_to` takes them."""
        return list(self.plan.report_to) or "none"

    @property
    def data(self) -> str:
        """The folder of its rows, from the ejected folder."""
        return f"data/{self.name}"


@dataclass(frozen=True, slots=True)
class Made:
    """What a peer makes of a stage. config: of `<name>.yaml`. files: path in the folder → what it holds: text, or rows
    of a JSON lines file. commands: in order. left: what could not be carried, one sentence each."""

    config: Mapping[str, Any]
    files: Mapping[str, "str | Rows"]
    commands: tuple[str, ...]
    left: tuple[str, ...]


Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Left:
    """A stage that is not ejected, and why."""

    stage: Stage
    why: str


@dataclass(frozen=True, slots=True)
class Ejected:
    """made, left: by stage. left: what could not be carried."""

    folder: Path
    title: str
    made: Mapping[str, Made]
    left: Mapping[str, tuple[str, ...]]
