"""A pilot's result as text."""

from advisor.pilot.result import ArmResult, PilotResult
from pipelines.evals.compare import Comparison


def show_pilot(result: PilotResult) -> str:
    """A line an arm, the curve, and the evidence in sentences."""
    lines = [f"{'as it is':<20} {result.base:>7.1%}"]
    lines += [_line(arm) for arm in result.arms]
    if result.curve is not None:
        told = ", ".join(f"{point.labels:,}: {point.score:.1%}" for point in result.curve.points)
        lines.append(f"SFT by labelled rows: {told}")
    return "\n".join([*lines, "", *result.evidence])


def _line(arm: ArmResult) -> str:
    behind = f", {_points(arm.to_chosen)} behind the best" if arm.to_chosen is not None else ""
    return (
        f"{arm.name:<20} {arm.score:>7.1%}  {_points(arm.to_base)} over the base{behind}; "
        f"{arm.seconds:.0f} s in {arm.rungs} {'round' if arm.rungs == 1 else 'rounds'}"
    )


def _points(found: Comparison) -> str:
    change = found.difference if found.difference is not None else found.score_difference
    return "unknown" if change is None else f"{change.points:+.1f} [{change.low:+.1f}, {change.high:+.1f}]"
