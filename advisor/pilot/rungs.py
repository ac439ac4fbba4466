"""Successive halving: every arm trains for the same time, the better half goes on for as long again, and so on.

The arms are stages of one growing plan that the usual runner runs, so a pilot that was stopped goes on where it was.
Source: Jamieson & Talwalkar 2016, arXiv 1502.07943.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from advisor.pilot.arms import WARM_UP, Arm
from pipelines.plan import Plan

RUNGS = 3
"""At most; two arms that are left after it are told apart by their numbers alone."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An arm at one rung: the training stage and the evaluation of what it left."""

    arm: Arm
    rung: int

    @property
    def stage(self) -> str:
        return self.arm.name if self.rung == 1 else f"{self.arm.name}_{self.rung}"

    @property
    def evaluation(self) -> str:
        return f"after_{self.stage}"

    @property
    def before(self) -> str | None:
        """The stage that it starts from; None for the plan's own model."""
        if self.rung > 1:
            return Entry(self.arm, self.rung - 1).stage
        return WARM_UP if self.arm.warm else None


def stages(entries: Sequence[Entry], minutes: float) -> list[dict[str, Any]]:
    """Rung by rung, first all training, then all evaluations, which share a process; among the first the base's."""
    found: list[dict[str, Any]] = []
    for rung, some in groupby(entries, lambda entry: entry.rung):
        trained = list(some)
        found += [_training(entry, minutes) for entry in trained]
        found += [{"type": "evaluate", "name": "base"}] if rung == 1 else []
        found += [{"type": "evaluate", "name": entry.evaluation, "policy": entry.stage} for entry in trained]
    return found


def _training(entry: Entry, minutes: float) -> dict[str, Any]:
    """A control arm is the input of no stage that does not name it; so without a name a stage starts from the base."""
    start = {"policy": entry.before} if entry.before else {}
    fixed = {"type": entry.arm.method, "name": entry.stage, "control": True, "max_minutes": minutes}
    return {**entry.arm.settings, **fixed, **start}


def plan_of(plan: Plan, entries: Sequence[Entry], minutes: float, fields: dict[str, Any]) -> Plan:
    """The plan with these arms in place of its stages. fields: what else differs, such as its data."""
    evaluation = plan.evaluation.model_copy(update={"pass_k": 0})
    body = plan.model_dump(mode="json") | {"decision": None, "evaluation": evaluation.model_dump(mode="json")}
    return Plan.model_validate({**body, **fields, "stages": stages(entries, minutes)})


def warm_up(arms: Sequence[Arm]) -> list[Entry]:
    """The SFT that warm arms start from, where it is no arm itself."""
    needed = any(arm.warm for arm in arms) and all(arm.name != WARM_UP for arm in arms)
    return [Entry(Arm(WARM_UP, WARM_UP, warm=False), 1)] if needed else []


def survivors(scored: Sequence[tuple[Entry, float]]) -> list[Entry]:
    """The better half, rounded up; of equals the simpler, which comes first."""
    order = sorted(range(len(scored)), key=lambda place: (-scored[place][1], place))
    kept = order[: math.ceil(len(scored) / 2)]
    return [Entry(scored[place][0].arm, scored[place][0].rung + 1) for place in sorted(kept)]


def minutes_each(total: float, arms: Sequence[Arm]) -> float:
    """Training minutes of an entry, so that all of them come to the total."""
    entries, left = len(warm_up(arms)) + len(arms), len(arms)
    for _ in range(RUNGS - 1):
        if left < 2:
            break
        left = math.ceil(left / 2)
        entries += left if left > 1 else 0
    return total / entries
