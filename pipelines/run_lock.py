"""The lock of a run: one `run` at a time. An flock on a descriptor that the worker inherits, so that a runner that was
killed never leaves two writers.
"""

import fcntl
import json
import os
import time
from datetime import datetime
from pathlib import Path

from graders.errors import UserError

LOCK_SECONDS = 2.0
"""How long to wait for the lock: the worker of a runner that was killed takes a moment to die."""


def lock(run_folder: Path) -> int:
    """Takes the run's lock and returns its descriptor, to be inherited by the worker. UserError if another holds it."""
    try:
        run_folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run_folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UserError(
            f"cannot write here: {error.strerror}", "a writable folder", "choose another with --out", str(run_folder)
        ) from None
    deadline = time.monotonic() + LOCK_SECONDS
    while not _locked(descriptor):
        if time.monotonic() > deadline:
            told = _holder(descriptor)
            os.close(descriptor)
            raise UserError(
                f"another `run` is at work here{told}", "one at a time", "wait for it, or choose --out", str(run_folder)
            )
        time.sleep(0.1)
    name_holder(descriptor, None)
    return descriptor


def name_holder(descriptor: int, worker: int | None) -> None:
    """Writes into the lock's file who holds it, for whoever comes second: the runner, and the worker it has now."""
    told = json.dumps({"runner": os.getpid(), "worker": worker, "since": datetime.now().astimezone().isoformat()})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, told.encode(), 0)


def _holder(descriptor: int) -> str:
    """What the file says of who holds it; "" where it says nothing that can be read."""
    try:
        found = json.loads(os.pread(descriptor, 1000, 0))
        runner, worker, since = found["runner"], found["worker"], str(found["since"])[:19].replace("T", " ")
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    if _alive(runner):
        return f": process {runner}, since {since}"
    if worker is not None and _alive(worker):
        return f": its runner, process {runner}, is gone, but the worker {worker} that it started still lives"
    return ""


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() if Path("/proc").is_dir() else True


def at_work(run_folder: Path) -> bool:
    """Whether a `run` holds the run's lock now."""
    try:
        descriptor = os.open(run_folder / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
