"""A machine that is not the first of several: waits for the first one's word and starts its own part of each stage.

It writes no record and no report, and ends when the first one does, with the same exit code.
"""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graders.errors import UserError
from pipelines.launch_command import command_of_several, environment
from pipelines.launcher import DONE, INTERRUPTED, STOPPED, Watcher
from pipelines.machines import Machines
from pipelines.others import MEET_SECONDS
from pipelines.plan_file import LoadedPlan
from pipelines.roll_call import RollCall
from pipelines.run_lock import lock, name_holder
from pipelines.signals import Signals
from pipelines.state import Step, steps
from pipelines.worker_process import WorkerProcess


def follow(loaded: LoadedPlan, run_folder: Path, machines: Machines, watcher: Watcher) -> int:
    """Returns the first machine's exit code, or STOPPED or INTERRUPTED where a signal came. Raises UserError where the
    first one does not come or is gone."""
    descriptor = lock(run_folder / "machines" / f"rank-{machines.rank}")
    try:
        with Signals() as signals, RollCall(run_folder, machines.rank) as call:
            todo = {step.folder: step for step in steps(loaded, run_folder)}
            return _Follower(loaded, machines, call, signals).go_on(todo, descriptor, watcher)
    finally:
        os.close(descriptor)


class _Follower:
    def __init__(self, loaded: LoadedPlan, machines: Machines, call: RollCall, signals: Signals) -> None:
        self._loaded, self._machines, self._call, self._signals = loaded, machines, call, signals

    def go_on(self, todo: Mapping[Path, Step], descriptor: int, watcher: Watcher) -> int:
        began, done = time.monotonic(), None
        while not self._signals.received:
            first = self._call.hear(0)
            if self._call.lost(0):
                raise UserError("the first machine is gone: it has said nothing for minutes", fix="run again on all")
            if first is None:
                if done is None and time.monotonic() - began > MEET_SECONDS:
                    happened = f"the first machine did not come in {MEET_SECONDS / 60:.0f} minutes"
                    raise UserError(happened, "the same command there, with --machine-rank 0, on the same run folder")
            elif first.get("ended") is not None:
                return int(first["ended"])
            elif first.get("work") and (first["token"], first["work"]["number"]) != done:
                done = (first["token"], first["work"]["number"])
                watcher.started(self._step(first["work"], todo), "the first machine started it")
                self._take_part(first["work"], descriptor)
            time.sleep(0.1)
        self._call.say("left", True)
        return INTERRUPTED if self._signals.received[0] == signal.SIGINT else STOPPED

    def _step(self, work: Mapping[str, Any], todo: Mapping[Path, Step]) -> Step:
        folder = Path(work["path"]).parent
        if folder not in todo:
            raise UserError(
                f"the first machine works on {folder.name}, which this machine's plan does not have",
                "the same plan, data and run folder on all machines, at the same path",
                where=str(folder),
            )
        return todo[folder]

    def _take_part(self, work: Mapping[str, Any], descriptor: int) -> None:
        path, plan = Path(work["path"]), self._loaded.plan
        command = command_of_several(path, plan, self._machines)
        log = path.with_name(f"log-{self._machines.rank}.txt")
        process = WorkerProcess(command, environment(plan.processes), log, (descriptor,))
        name_holder(descriptor, process.pid)
        if process.wait(self._signals, lambda: None) != DONE:
            self._call.say("failed", work["number"])
