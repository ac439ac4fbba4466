"""Graded answers of all arms → which did best, what cannot be told apart from it, and what more labels would bring."""

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.pilot.arms import WARM_UP, Arm
from advisor.pilot.result import (
    ArmResult,
    Curve,
    CurvePoint,
    Graded,
    PilotResult,
    difference,
    interval,
    score,
)
from pipelines.evals.compare import Comparison, Difference, compare


@dataclass(frozen=True, slots=True)
class Measured:
    """An arm's answers after its last rung."""

    arm: Arm
    rungs: int
    seconds: float
    rows: Graded


def concluded(
    plan: str, base: Graded, measured: Sequence[Measured], minutes: float, curve: Sequence[tuple[int, Graded]] | None
) -> PilotResult:
    """The best is the highest score; of equals the simpler."""
    order = sorted(measured, key=lambda one: -score(one.rows))
    best = order[0]
    found = tuple(_arm(one, base, best) for one in order)
    drawn = None if curve is None else curve_of(curve)
    chosen = best.arm.name if found[0].to_base.claim == "better" else ""
    tied = tuple(arm.name for arm in found[1:] if arm.to_chosen is None or arm.to_chosen.claim != "better")
    return PilotResult(
        plan=plan,
        compared_rows=len(base),
        minutes_each=minutes,
        base=score(base),
        arms=found,
        chosen=chosen,
        tied=tied,
        curve=drawn,
        evidence=tuple(_evidence(found, score(base), chosen, tied, drawn)),
    )


def _arm(one: Measured, base: Graded, best: Measured) -> ArmResult:
    return ArmResult(
        name=one.arm.name,
        method=one.arm.method,
        rungs=one.rungs,
        seconds=one.seconds,
        score=score(one.rows),
        interval=interval(one.rows),
        to_base=compare(base, one.rows),
        to_chosen=None if one is best else compare(one.rows, best.rows),
    )


def curve_of(measured: Sequence[tuple[int, Graded]]) -> Curve:
    """From the fewest labels to all."""
    points = [CurvePoint(labels=n, score=score(rows), interval=interval(rows)) for n, rows in measured]
    last = difference(measured[-2][1], measured[-1][1]) if len(measured) > 1 else None
    return Curve(points=tuple(points), last=last)


def _evidence(
    arms: Sequence[ArmResult], base: float, chosen: str, tied: Sequence[str], curve: Curve | None
) -> list[str]:
    best = arms[0]
    n = best.to_base.n
    if chosen:
        said = [
            f"A pilot on {n} validation rows: {chosen} did best with {best.score:.1%}, "
            f"{_gain(best.to_base)} over the model as it is ({base:.1%})."
        ]
    else:
        said = [
            f"A pilot on {n} validation rows: no method is shown to beat the model as it is ({base:.1%}); the best, "
            f"{best.name}, has {best.score:.1%}, {_gain(best.to_base)}."
        ]
    if chosen and tied:
        said.append(f"Not told apart from {chosen} on these rows: {', '.join(tied)}.")
    if curve is not None and curve.last is not None:
        said.append(_value_of_labels(curve, curve.last, arms))
    return said


def _value_of_labels(curve: Curve, last: Difference, arms: Sequence[ArmResult]) -> str:
    """Whether to label more or to rely on the grader."""
    before, after = curve.points[-2].labels, curve.points[-1].labels
    brought = f"From {before:,} to {after:,} labelled rows SFT changed by {_points(last)}"
    practised = [arm for arm in arms if arm.method not in {WARM_UP, "dpo", "kto"}]
    graded = max(practised, key=lambda arm: arm.score, default=None)
    more = f"twice as many may bring up to {max(0.0, last.high):.1f} more"
    if last.low > 0:
        if graded is not None and graded.score > curve.points[-1].score:
            return (
                f"{brought}: more labels still pay, {more}. {graded.name}, which needs a grader and no labels, got "
                f"{100 * (graded.score - curve.points[-1].score):+.1f} points over SFT on all of them."
            )
        return f"{brought}: label more, {more}."
    if graded is not None and graded.score > curve.points[-1].score:
        return f"{brought}: more labels are not shown to help; the grader is worth more here."
    return f"{brought}: more labels are not shown to help. What lacks is something else: a grader, or a larger model."


def _gain(found: Comparison) -> str:
    change = found.difference if found.difference is not None else found.score_difference
    return _points(change) if change is not None else "by how much is unknown"


def _points(change: Difference) -> str:
    return f"{change.points:+.1f} points [{change.low:+.1f}, {change.high:+.1f}]"
