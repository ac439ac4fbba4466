"""Calls the user's own grading function, in a process of its own that stays between calls. It is trusted.

The process has the user's environment and folder, loads the file once, and again when it changes. A call that takes
longer than its limit costs the process, and the next call starts another. It ends with the process that started it.
"""

import atexit
import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

from graders.errors import UserError
from graders.sandbox.jobs import Outcome

_CHILD = Path(__file__).with_name("own_function_child.py")


class _Worker:
    def __init__(self, path: Path) -> None:
        self._end, theirs = Pipe()
        with theirs:
            # -P: this folder, whose math.py and numbers.py are ours, must not come first among the modules.
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_CHILD), str(theirs.fileno()), str(path)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno() if _has_descriptor(sys.stderr) else subprocess.DEVNULL,
            )

    def call(self, name: str, arguments: tuple[Any, ...], seconds: float) -> Outcome:
        """Raises EOFError when the process ended."""
        started = time.monotonic()
        try:
            self._end.send((name, arguments))
        except OSError:
            raise EOFError from None
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            return Outcome("raised", error=f"the row cannot be handed over: {error}", broken=True)
        if not self._end.poll(seconds):
            self.close()
            return Outcome("timed_out", error=f"it took longer than {seconds:g} seconds", seconds=seconds)
        kind, value = self._end.recv()
        spent = time.monotonic() - started
        if kind == "done":
            return Outcome("done", value=value, seconds=spent)
        return Outcome("raised", error=value, broken=kind == "broken", seconds=spent)

    def close(self) -> None:
        self._end.close()
        self._process.kill()
        self._process.wait()


_workers: dict[tuple[Path, int, int], _Worker] = {}
_lock = threading.Lock()


def call(file: Path, name: str, arguments: tuple[Any, ...], seconds: float) -> Outcome:
    """What the function returned or raised.

    Raises UserError where there is no such file, or it cannot be imported, or has no such function.
    """
    path = file.expanduser().resolve()
    if not path.is_file():
        raise UserError("there is no such file", "a Python file with a grading function", where=str(path))
    stat = path.stat()
    key = (path, stat.st_mtime_ns, stat.st_size)
    with _lock:
        for other in [other for other in _workers if other[0] == path and other != key]:
            _workers.pop(other).close()
        worker = _workers.get(key) or _Worker(path)
        _workers[key] = worker
        try:
            outcome = worker.call(name, arguments, seconds)
        except EOFError:
            outcome = Outcome("died", error="the function's process ended: os._exit, a crash, or out of memory")
        except BaseException:
            _workers.pop(key).close()
            raise
        if outcome.ended in ("timed_out", "died"):
            _workers.pop(key).close()
    if outcome.broken:
        raise UserError(outcome.error, f"a function {name}(sample, item) in it", where=str(path))
    return outcome


def _has_descriptor(stream: Any) -> bool:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return int(stream.fileno()) >= 0
    return False


def _close_all() -> None:
    for worker in _workers.values():
        worker.close()
    _workers.clear()


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - a lock that another thread held is held for ever in a forked process
    _lock = threading.Lock()
    _forgotten.extend(_workers.values())
    _workers.clear()


_forgotten: list[_Worker] = []
"""Of the process this one was forked from; kept, as an end that is collected would be closed with a warning."""

os.register_at_fork(after_in_child=_after_fork)
atexit.register(_close_all)
