"""Everything about a plan that can fail later, said now: LINES, from top to bottom.

In: a plan's file, the run's folder. Out: a CheckReport. Nothing is written. What cannot be looked at because something
before it is broken is left out: a red line says what.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from graders.errors import UserError
from pipelines.data.split import load_split
from pipelines.plan_file import LoadedPlan, load_plan
from pipelines.preflight import batch, data, disk, environment, graders, hours, licences, memory, signal, trials
from pipelines.preflight.children import ChildFailed
from pipelines.preflight.look import Look, look_at
from pipelines.preflight.measured import Use
from pipelines.preflight.record import CheckReport, Line, amber, green, of_error, red
from pipelines.preflight.subject import Subject
from pipelines.runner import default_run_folder
from pipelines.sources import locate

Uses = tuple[Use, ...]

LINES: tuple[Callable[[Subject], Iterable[Line]], ...] = (
    data.lines,
    graders.lines,
    batch.lines,
    signal.lines,
    memory.lines,
    hours.lines,
    disk.lines,
    environment.lines,
    licences.lines,
)


def check_plan(path: Path, out: Path | None = None, overrides: tuple[str, ...] = (), uses: Uses = ()) -> CheckReport:
    """out: the run's folder, else runs/<name>/ beside the plan. uses: what trials of real steps shall measure."""
    try:
        loaded = load_plan(path, overrides)
    except UserError as error:
        return CheckReport(plan=str(path), run_folder="", lines=(of_error("plan", error),))
    run_folder = (out or default_run_folder(loaded)).resolve()
    return CheckReport(plan=str(path), run_folder=str(run_folder), lines=tuple(_lines(loaded, run_folder, uses)))


def _lines(loaded: LoadedPlan, run_folder: Path, uses: Uses) -> Iterator[Line]:
    yield green("plan", f"{len(loaded.plan.stages)} stages, nothing in it contradicts itself", len(loaded.plan.stages))
    try:
        split = load_split(loaded.plan.data, loaded.folder)
    except UserError as error:
        yield of_error("data", error)
        return
    subject = Subject(loaded, run_folder, split, None)
    found = [*data.lines(subject)]
    yield from found
    look, told = (None, []) if any(line.level == "red" for line in found) else _look(loaded, bool(uses))
    yield from told
    subject = Subject(loaded, run_folder, split, look)
    measured, told = trials.run(subject, uses)
    yield from told
    subject = replace(subject, measured=measured)
    for lines in LINES[1:]:
        yield from lines(subject)


def _look(loaded: LoadedPlan, with_rows: bool) -> tuple[Look | None, list[Line]]:
    """A model that only the hub could give is amber: it may be there when `run` is."""
    try:
        look = look_at(loaded, with_rows)
    except UserError as error:
        try:
            on_hub = not Path(locate(loaded.plan.model, loaded.folder)).is_dir()
        except UserError:
            on_hub = False
        if on_hub:
            fix = "fetch it, or check again where the hub can be reached"
            return None, [
                amber("model", f"{error.happened}: template, batches, memory and disk are not looked at", fix)
            ]
        return None, [of_error("model", error)]
    except ChildFailed as error:
        return None, [red("model", f"looking at it failed: {error}", "a model that transformers loads", "")]
    return look, list(look.lines)
