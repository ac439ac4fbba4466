"""Time of each stage that trains, from the steps of a trial: seconds a step × steps.

What stands outside the steps is not in it: loading, validation, evaluation, the sampling of `rejection_sampling`.
"""

from collections.abc import Iterator

from pipelines.plan import Training
from pipelines.preflight.record import Line, amber, green
from pipelines.preflight.subject import Subject

DAYS_FROM = 72.0
"""Hours that are told in days."""
LONG_HOURS = 24.0
"""More than a day is to be known before. Ours."""


def lines(subject: Subject) -> Iterator[Line]:
    """One line a stage, and their sum; nothing where no step was timed."""
    total = 0.0
    for stage in subject.stages:
        found = subject.measured.get((stage.stage, "time"))
        if found is None:
            continue
        if found.seconds is None:
            fix = "look at its events in a run"
            yield amber("time", "no second step was taken, so nothing could be timed", fix, stage=stage.stage)
            continue
        hours = found.seconds * stage.steps / 3600
        tokens = f"{stage.tokens:,} tokens"
        steps = f"{stage.steps:,} steps of {found.seconds:.3g} s (mean of {found.timed} steps)"
        limit = _most_hours(subject, stage.stage)
        if limit is not None and limit < hours:
            hours, steps = limit, f"its max_minutes, in which it takes {limit / hours:.0%} of {steps}"
        total += hours
        yield green("time", "; ".join([told(hours), steps, tokens]), hours, "hours", stage.stage)
    if total:
        yield _sum(subject, total)


def _most_hours(subject: Subject, name: str) -> float | None:
    stage = next(stage for stage in subject.plan.stages if stage.name == name)
    return stage.max_minutes / 60 if isinstance(stage, Training) and stage.max_minutes is not None else None


def _sum(subject: Subject, hours: float) -> Line:
    on_gpu = subject.look is not None and subject.look.gpu is not None
    devices = subject.plan.processes
    of_gpus = f"; {hours * devices:.3g} GPU-hours" if on_gpu else ""
    said = f"training steps take {told(hours)} in all{of_gpus}; loading, validation and evaluation come on top"
    if hours > LONG_HOURS:
        return amber("time", said, "fewer rows, passes or stages, or a faster device", hours)
    return green("time", said, hours, "hours")


def told(hours: float) -> str:
    """ "4 days", "2.5 hours", "7 minutes", "20 seconds"."""
    if hours >= DAYS_FROM:
        return f"{hours / 24:,.0f} days"
    if hours >= 1:
        return f"{hours:.1f} hours"
    return f"{60 * hours:.0f} minutes" if hours * 60 >= 2 else f"{3600 * hours:.0f} seconds"
