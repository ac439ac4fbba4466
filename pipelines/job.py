"""What a stage function gets: its config, the rows, the input model, a folder, and a way to say how far it is."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipelines import processes
from pipelines.plan import Plan, Strict

S = TypeVar("S", bound=Strict)

Numbers = Mapping[str, Any]
"""What a stage measured, as plain JSON values; kept in its record."""


class Stopped(Exception):
    """A signal asked the stage to stop; what was done is saved."""


class Progress:
    """Where a stage says how far it is. Appends to events.jsonl, which the runner shows; raises Stopped if asked to.

    Only the first process of several writes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writes = processes.is_first()
        self._last = 0.0
        self._part: tuple[float, float] | None = None
        self.stop_requested = False

    def say(self, text: str) -> None:
        """A sentence for the user."""
        self._write({"say": text})

    def step(self, done: float, total: float, unit: str, **shown: float) -> None:
        """`done` of `total` units; `shown` are numbers worth seeing. At most five lines a second are written."""
        if self._part is not None:
            done, total = self._part[0] + done, self._part[1]
        now = time.monotonic()
        if now - self._last >= 0.2 or done >= total:
            self._last = now
            self._write({"done": done, "total": total, "unit": unit, "shown": shown})

    @contextmanager
    def part(self, before: float, total: float) -> Iterator[None]:
        """Inside, steps are those of a part of the work: `before` units were done when it began, of `total`."""
        self._part = (before, total)
        try:
            yield
        finally:
            self._part = None

    def check(self) -> None:
        """Call where it is safe to stop; raises Stopped when a signal came."""
        if self.stop_requested:
            raise Stopped

    def _write(self, event: Mapping[str, Any]) -> None:
        if self._writes:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"time": round(time.time(), 2), **event}) + "\n")


@dataclass(frozen=True, slots=True)
class Job:
    """One stage, ready to run.

    stage: the name in `plan.stages`. base: the folder that relative paths of the plan start at. folder: where the
    stage writes. policy: the input model's folder or hub id. match_seconds: stop after this wall time, or None.
    rows: the file of people's answers that an earlier stage of type `label` names, or None. most_seconds: wall time
    after which training ends though its steps are not done; None for no limit.
    """

    plan: Plan
    stage: str
    base: Path
    folder: Path
    policy: str
    match_seconds: float | None
    progress: Progress = field(compare=False)
    rows: Path | None = None
    most_seconds: float | None = None

    def config(self, model: type[S]) -> S:
        """This stage's own part of the plan, which is of the given type."""
        stage = next(stage for stage in self.plan.stages if stage.name == self.stage)
        if not isinstance(stage, model):
            raise TypeError(f"stage {self.stage} is a {stage.type}, not a {model.__name__}")
        return stage

    @property
    def reward_name(self) -> str:
        """The grader that this stage optimises."""
        return self.plan.reward_of(next(stage for stage in self.plan.stages if stage.name == self.stage))

    @property
    def limit_seconds(self) -> float | None:
        """When training ends by the clock, whichever the reason."""
        return self.most_seconds if self.match_seconds is None else self.match_seconds

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def model_folder(self) -> Path:
        """Where a stage that leaves a policy puts the plain model."""
        return self.folder / "model"
