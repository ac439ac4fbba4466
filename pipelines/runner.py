"""Runs a plan's stages in order, each in its own process; skips what is done and says why the rest runs.

Exit codes: 0 done, 1 the user must change something, 3 a gate said no, 75 stopped, 130 interrupted.
"""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from graders.errors import UserError
from pipelines.engines import require_engines
from pipelines.files import remove_tree
from pipelines.follower import follow
from pipelines.gates import judge, require_known
from pipelines.launcher import DONE, STOPPED, Launcher, Watcher
from pipelines.machines import ALONE, Machines, require_fitting
from pipelines.others import Others
from pipelines.plan import Evaluate, Label, Probe, Training
from pipelines.plan_file import LoadedPlan
from pipelines.preferences.enough import wanted
from pipelines.probe_kept import take_over
from pipelines.run_lock import lock
from pipelines.run_report import write_run_report
from pipelines.signals import Signals
from pipelines.state import Step, steps, why_run
from pipelines.work_file import finished_record

FAILED, GATE_CLOSED = 1, 3


@dataclass(frozen=True, slots=True)
class Options:
    """start: the first stage that may run; those before it must be done. until: the last stage to run. force: stages to
    run again, with all that reads them. allow: stages whose gate may stay shut; that it did stands in gate.json and in
    the report. machines: on which processes are started; this is the first, or one that follows it."""

    until: str | None = None
    force: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    start: str | None = None
    machines: Machines = ALONE


def default_run_folder(loaded: LoadedPlan) -> Path:
    """runs/<plan name>/ beside the plan."""
    return loaded.folder / "runs" / loaded.plan.name


def command(verb: str, loaded: LoadedPlan, run_folder: Path) -> str:
    """What somebody in this folder types: `finetune-advisor VERB PLAN`, with --out where it is needed."""
    plan = os.path.relpath(loaded.path)
    out = [] if run_folder == default_run_folder(loaded).resolve() else ["--out", os.path.relpath(run_folder)]
    return shlex.join(["finetune-advisor", verb, plan if not plan.startswith("..") else str(loaded.path), *out])


def run_plan(loaded: LoadedPlan, run_folder: Path, options: Options, watcher: Watcher) -> int:
    """Runs what must run; returns the exit code. Raises UserError where the user must change something."""
    require_engines(loaded.plan)
    require_fitting(options.machines, loaded.plan.processes)
    if not options.machines.is_first:
        return follow(loaded, run_folder, options.machines, watcher)
    todo = to_run(loaded, run_folder, options)
    lock_descriptor = lock(run_folder)
    try:
        forced = _forget(todo, options.force)
        with Signals() as signals, Others(run_folder, options.machines) as others:
            launcher = Launcher(loaded, lock_descriptor, (signals, others), options.machines)
            code = FAILED
            try:
                others.meet(signals)
                _take_over(loaded, [step for step in todo if step.stage.name not in forced], watcher)
                code = _run_all(loaded, run_folder, todo, (watcher, launcher, options.allow))
            finally:
                others.end(code)
    finally:
        os.close(lock_descriptor)
    return code


def to_run(loaded: LoadedPlan, run_folder: Path, options: Options) -> list[Step]:
    """The steps that the options leave. Raises UserError for names that are no stage's, and where one before the first
    is not done."""
    every = steps(loaded, run_folder)
    _require_known_stages((*options.force, *filter(None, (options.start, options.until))), every)
    todo = _until(every, options.until)
    require_known(options.allow, todo)
    _require_done_before(options.start, todo)
    return todo


def _require_known_stages(named: tuple[str, ...], todo: list[Step]) -> None:
    names = [step.stage.name for step in todo]
    if unknown := next((name for name in named if name not in names), None):
        raise UserError(f"no stage is called `{unknown}`", f"one of {', '.join(names)}")


def _until(todo: list[Step], until: str | None) -> list[Step]:
    names = [step.stage.name for step in todo]
    return todo if until is None else todo[: names.index(until) + 1]


def _require_done_before(start: str | None, todo: list[Step]) -> None:
    """Raises UserError where a stage before `start` would have to run."""
    names = [step.stage.name for step in todo]
    if start is None:
        return
    if start not in names:
        raise UserError(f"`{start}` comes after the last stage to run, {names[-1]}", "--from before --until")
    missing = [step.stage.name for step in todo[: names.index(start)] if step.record() is None]
    if missing:
        happened = f"`{start}` cannot be the first to run: `{missing[0]}` before it is not done"
        raise UserError(happened, "finished stages before it", f"--from {missing[0]}, or leave --from out")


def _forget(todo: list[Step], force: tuple[str, ...]) -> set[str]:
    """Removes the records of the stages to be forced and of all that read them; returns their names."""
    stale = set(force)
    for step in todo:
        if stale & {*step.sources.values(), *step.judges, getattr(step.stage, "same_time_as", None)}:
            stale.add(step.stage.name)
        if step.stage.name in stale:
            remove_tree(step.folder)
    return stale


def _take_over(loaded: LoadedPlan, todo: list[Step], watcher: Watcher) -> None:
    """What was measured before the run need not be measured again."""
    for step in todo:
        if not step.folder.exists() and (said := take_over(loaded, step)) is not None:
            watcher.event(step, {"say": said})


def _run_all(
    loaded: LoadedPlan, run_folder: Path, todo: list[Step], means: tuple[Watcher, Launcher, tuple[str, ...]]
) -> int:
    watcher, launcher, allow = means
    pending = list(todo)
    while pending:
        step = pending.pop(0)
        why = why_run(step, run_folder) or _nothing_to_label(step, loaded)
        if why is not None:
            batch = [step, *_evaluations_to_share(step, pending)]
            code = launcher.run(batch, todo, why, watcher)
            if code != DONE:
                return code
            watcher.finished(step, finished_record(step))
        else:
            watcher.skipped(step, finished_record(step))
            if isinstance(step.stage, Training) and not (step.folder / "model").exists():
                watcher.event(step, {"say": f"its model was removed; `--force {step.stage.name}` trains it again"})
        if isinstance(step.stage, Label) and (lacks := wanted(step.stage, loaded.plan, loaded.folder)) is not None:
            watcher.waits(step, f"{lacks}. To collect them: {_label_command(step, todo, loaded, run_folder)}")
            return STOPPED
        judgement = judge(step, todo, allow)
        if isinstance(step.stage, Evaluate | Probe):
            write_run_report(loaded.plan, todo, run_folder)
        if judgement is not None and judgement.refusal is not None:
            if not judgement.allowed:
                watcher.gate_closed(step, judgement.refusal)
                return GATE_CLOSED
            watcher.gate_allowed(step, judgement.refusal)
    return DONE


def _nothing_to_label(step: Step, loaded: LoadedPlan) -> str | None:
    """Why a stage that is done must sample after all: the answers were enough then, and are no longer."""
    record = step.record() if isinstance(step.stage, Label) else None
    if record is None or record.numbers["prompts"] or not isinstance(step.stage, Label):
        return None
    return wanted(step.stage, loaded.plan, loaded.folder)


def _label_command(step: Step, todo: list[Step], loaded: LoadedPlan, run_folder: Path) -> str:
    several = sum(isinstance(other.stage, Label) for other in todo) > 1
    return command("label", loaded, run_folder) + (f" --stage {step.stage.name}" if several else "")


def _evaluations_to_share(step: Step, pending: list[Step]) -> list[Step]:
    """Evaluations right after this one, to be run in the same process, up to the first with a gate."""
    batch: list[Step] = []
    last = step
    for following in pending:
        if not (isinstance(last.stage, Evaluate) and isinstance(following.stage, Evaluate)) or last.stage.gate:
            break
        if following.record() is None:
            batch.append(following)
        last = following
    return batch
