"""The lock of a run: one `run` at a time. An flock on a descriptor that the worker inherits, so that a runner that was
killed never leaves two writers.
"""

import fcntl
import os
import time
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
            os.close(descriptor)
            raise UserError(
                "another `run` is at work here", "one at a time", "wait for it, or choose --out", str(run_folder)
            )
        time.sleep(0.1)
    return descriptor


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
