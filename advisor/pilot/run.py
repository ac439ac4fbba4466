"""Runs a pilot: the rungs, then the value of more labels; leaves pilot.json in its folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.pilot import rows, rungs
from advisor.pilot.arms import WARM_UP, Arm, arms, missing
from advisor.pilot.result import Graded, PilotResult, score
from advisor.pilot.rungs import Entry
from advisor.pilot.verdict import Measured, concluded
from pipelines.data.rows import Split
from pipelines.data.spec import DataSpec
from pipelines.evals.grades import read_grades
from pipelines.files import write_json
from pipelines.launcher import DONE, Watcher
from pipelines.plan import Plan
from pipelines.plan_file import LoadedPlan
from pipelines.runner import Options, run_plan
from pipelines.state import Step, steps

RESULT = "pilot.json"
SHARES = (0.25, 0.5, 1.0)
"""Of the labelled rows, for the learning curve: two doublings."""
FEWEST_LABELS = 80
"""Below this a quarter of the labels is no training."""


@dataclass(frozen=True, slots=True)
class Settings:
    """minutes: of training, in all arms together. methods: what to try; empty for all that is possible. curve: whether
    SFT also trains on parts of the labels."""

    minutes: float
    methods: tuple[str, ...] = ()
    curve: bool = True


class Ended(Exception):
    """The runner ended early, with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def pilot_folder(loaded: LoadedPlan) -> Path:
    """runs/<plan name>-pilot/ beside the plan."""
    return loaded.folder / "runs" / f"{loaded.plan.name}-pilot"


def run_pilot(loaded: LoadedPlan, folder: Path, settings: Settings, watcher: Watcher) -> PilotResult:
    """Raises UserError where nothing can be compared, and Ended where the runner was stopped."""
    split = rows.load(loaded)
    race = _Race(loaded, folder, split, rows.write(split, loaded.plan.data, folder / "rows"), watcher)
    candidates = arms(loaded.plan, split, settings.methods, rows.preferred(loaded))
    minutes = rungs.minutes_each(settings.minutes, candidates)
    plan, measured = race.run(candidates, minutes)
    base = race.grades(plan, "base")
    curve = race.curve(plan, minutes) if settings.curve else None
    result = concluded(loaded.plan.name, base, measured, minutes, curve)
    write_json(folder / RESULT, result.model_dump(mode="json"))
    return result


@dataclass(frozen=True, slots=True)
class _Race:
    loaded: LoadedPlan
    folder: Path
    split: Split
    data: DataSpec
    watcher: Watcher

    def run(self, candidates: Sequence[Arm], minutes: float) -> tuple[Plan, list[Measured]]:
        """The plan as it grew, and every arm as far as it went, in the candidates' order."""
        entries, current = rungs.warm_up(candidates), [Entry(arm, 1) for arm in candidates]
        latest: dict[str, Entry] = {}
        while True:
            entries += current
            plan = self.plan(entries, minutes)
            self.finish(plan, self.folder)
            latest |= {entry.arm.name: entry for entry in current}
            scored = [(entry, score(self.grades(plan, entry.evaluation))) for entry in current]
            following = rungs.survivors(scored)
            if len(following) < 2 or following[0].rung > rungs.RUNGS:
                break
            current = following
        return plan, [self._measured(plan, latest[arm.name]) for arm in candidates]

    def plan(self, entries: Sequence[Entry], minutes: float) -> Plan:
        return self._plan(entries, minutes, self.data, "pilot")

    def curve(self, raced: Plan, minutes: float) -> list[tuple[int, Graded]] | None:
        """Labels → graded answers of an SFT on so many; None where there are too few to divide. raced: the race's plan,
        whose first SFT is the one on all of them."""
        labels = sum(bool(row.demonstration) for row in self.split.train.rows)
        if missing(WARM_UP, self.loaded.plan, self.split) or labels < FEWEST_LABELS:
            return None
        own = next(arm for arm in arms(self.loaded.plan, self.split, (WARM_UP,)) if arm.name == WARM_UP)
        entry = Entry(own, 1)
        whole = [self.grades(raced, entry.evaluation)] if any(s.name == entry.stage for s in raced.stages) else []
        found = []
        for share in SHARES if not whole else SHARES[:-1]:
            percent = round(100 * share)
            path = self.folder / "rows" / f"labels-{percent}.jsonl"
            number = rows.part_of_labels(self.split, share, path)
            part = self.data.model_copy(update={"train": str(path)})
            plan = self._plan([entry], minutes, part, f"labels-{percent}")
            folder = self.folder / f"labels-{percent}"
            self.finish(plan, folder)
            found.append((number, self.grades(plan, entry.evaluation, folder)))
        return [*found, *((labels, graded) for graded in whole)]

    def _plan(self, entries: Sequence[Entry], minutes: float, data: DataSpec, name: str) -> Plan:
        fields = {"data": data.model_dump(mode="json"), "name": name}
        return rungs.plan_of(self.loaded.plan, entries, minutes, fields)

    def finish(self, plan: Plan, folder: Path) -> None:
        """Runs what is not done yet."""
        code = run_plan(LoadedPlan(plan, self.loaded.path), folder, Options(), self.watcher)
        if code != DONE:
            raise Ended(code)

    def grades(self, plan: Plan, stage: str, folder: Path | None = None) -> Graded:
        step = self._step(plan, stage, folder or self.folder)
        return read_grades(step.folder / "grades.jsonl")

    def _step(self, plan: Plan, stage: str, folder: Path) -> Step:
        return next(step for step in steps(LoadedPlan(plan, self.loaded.path), folder) if step.stage.name == stage)

    def _measured(self, plan: Plan, entry: Entry) -> Measured:
        seconds, at = 0.0, entry.stage
        while at:
            step = self._step(plan, at, self.folder)
            record = step.record()
            seconds += float(record.numbers["train_seconds"]) if record else 0.0
            at = step.sources.get("policy", "")
        return Measured(entry.arm, entry.rung, seconds, self.grades(plan, entry.evaluation))
