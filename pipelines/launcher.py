"""Runs stages in their process, passes on what it says, and tells how it ended."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from graders.errors import UserError
from pipelines.launch_command import command_of_several, environment, plain_command
from pipelines.machines import Machines
from pipelines.others import Others
from pipelines.plan import Label
from pipelines.plan_file import LoadedPlan
from pipelines.run_lock import name_holder
from pipelines.signals import Signals
from pipelines.state import Record, Step
from pipelines.work_file import write_work
from pipelines.worker_process import WorkerProcess

DONE, STOPPED, INTERRUPTED = 0, 75, 130
FULL_DISK_BYTES = 1_000_000
"""Less than this is full: what did not fit any more left no message."""


class Watcher(Protocol):
    """Shows what happens to whoever started the run."""

    def skipped(self, step: Step, record: Record) -> None: ...
    def started(self, step: Step, why: str) -> None: ...
    def event(self, step: Step, event: Mapping[str, Any]) -> None: ...
    def finished(self, step: Step, record: Record) -> None: ...
    def gate_closed(self, step: Step, why: str) -> None: ...
    def gate_allowed(self, step: Step, why: str) -> None: ...
    def waits(self, step: Step, why: str) -> None: ...


class Launcher:
    """Starts workers and waits for them."""

    def __init__(
        self, loaded: LoadedPlan, lock_descriptor: int, asked: tuple[Signals, Others], machines: Machines
    ) -> None:
        self._loaded, self._lock, self._machines = loaded, lock_descriptor, machines
        self._signals, self._others = asked

    def run(self, batch: list[Step], todo: list[Step], why: str, watcher: Watcher) -> int:
        """Runs steps in one process, or in several that work together on all machines; returns DONE, STOPPED or
        INTERRUPTED, or raises what the worker said."""
        if self._signals.received:
            return self._code()
        if self._others.one_left():
            return STOPPED
        processes = self._loaded.plan.processes
        plain = processes == 1 or isinstance(batch[0].stage, Label)  # people wait for no second GPU
        work = write_work(self._loaded, batch, todo, plain)
        command = plain_command(work) if plain else command_of_several(work, self._loaded.plan, self._machines)
        log = work.with_name("log.txt")
        tails = [(step, _tail(step.folder / "events.jsonl")) for step in batch]
        watcher.started(batch[0], why)
        process = WorkerProcess(command, environment(1 if plain else processes), log, (self._lock,))
        name_holder(self._lock, process.pid)

        def beat() -> None:
            _pass_on(tails, watcher)
            self._others.check()

        if not plain:
            self._others.start(work)
        code = process.wait(self._signals, beat)
        self._others.rest()
        if code == DONE:
            return DONE
        if self._signals.received:
            return self._code()
        if code == STOPPED or _was_stopped(work):  # somebody asked a worker itself, or another machine
            return STOPPED
        at_work = next((step for step in batch if step.record() is None), batch[-1])
        raise _worker_error(code, work, log, at_work)

    def _code(self) -> int:
        return INTERRUPTED if self._signals.received[0] == signal.SIGINT else STOPPED


def _pass_on(tails: list[tuple[Step, Callable[[], Iterator[Mapping[str, Any]]]]], watcher: Watcher) -> None:
    for step, tail in tails:
        for event in tail():
            watcher.event(step, event)


def _tail(path: Path) -> Callable[[], Iterator[Mapping[str, Any]]]:
    """A function that yields the events written since its last call; what stands there already is passed over."""
    position = path.stat().st_size if path.exists() else 0

    def read() -> Iterator[Mapping[str, Any]]:
        nonlocal position
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                position += len(line)
                yield json.loads(line)

    return read


def _was_stopped(work: Path) -> bool:
    """Whether one of several workers was; their launcher's own exit code is 1 then."""
    path = work.with_name("error.json")
    return path.exists() and "stopped" in json.loads(path.read_text(encoding="utf-8"))


def _worker_error(code: int, job_path: Path, log_path: Path, step: Step) -> UserError:
    error_path = job_path.with_name("error.json")
    name = step.stage.name
    if step.folder.exists() and shutil.disk_usage(step.folder).free < FULL_DISK_BYTES:
        happened = f"stage `{name}`: no space is left on the disk"
        return UserError(happened, "room for checkpoints and a model", "make room and run again", str(step.folder))
    if error_path.exists():
        error = json.loads(error_path.read_text(encoding="utf-8"))
        if "message" in error:
            return UserError(f"stage `{name}`: {error['message']}")
        happened, hint = f"stage `{name}` failed: {error['bug']}", "the log has the traceback; run again to go on"
        return UserError(happened, fix=hint, where=str(log_path))
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    hint = "out of memory is the usual cause of signal 9" if code == -signal.SIGKILL else "see the log"
    return UserError(f"stage `{name}`: its process {ended}", fix=f"{hint}; run again to go on", where=str(log_path))
