"""One child process a process for graders/math_worker.py: started on first use, restarted when it dies, ended with us.

In: (references, completion) pairs. Out: a verdict each, in order; one that the child died over says so.
Callable from any thread. After a fork the new process starts a child of its own. A grader that uses this holds no
state, so it can be pickled.
"""

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_WORKER = Path(__file__).with_name("math_worker.py")
_START_SECONDS = 120.0
_PIPE_BYTES = 32_000  # below what a pipe takes at once, so that neither side waits for the other while writing


@dataclass(frozen=True, slots=True)
class Verdict:
    """right: None where nothing was decided. found: the expression read from the completion."""

    right: bool | None
    found: str | None
    why: str


def verdicts(pairs: Sequence[tuple[Sequence[str], str]], seconds: float) -> list[Verdict]:
    """A verdict for each (references, completion). Raises RuntimeError when no child can be started."""
    requests = [
        json.dumps({"references": list(references), "completion": completion, "seconds": seconds}).encode() + b"\n"
        for references, completion in pairs
    ]
    done: list[Verdict] = []
    with _STATE.lock:
        while len(done) < len(requests):
            done += _batch(_first_few(requests[len(done) : len(done) + 64]), seconds)
    return done


def _first_few(requests: list[bytes]) -> list[bytes]:
    """As many as fit into the pipe, at least one."""
    size, number = 0, 0
    for request in requests:
        size += len(request)
        if number and size > _PIPE_BYTES:
            break
        number += 1
    return requests[:number]


def _batch(requests: list[bytes], seconds: float) -> list[Verdict]:
    """Verdicts for the first of these; fewer than all when the child died over one."""
    if _STATE.child is not None and _STATE.child.process.poll() is not None:  # ended by something else meanwhile
        _STATE.child.close()
        _STATE.child = None
    child = _STATE.child = _STATE.child or _Child()
    done: list[Verdict] = []
    try:
        child.send(b"".join(requests))
        for _ in requests:
            # Its own limit counts computing time; this one is for a child that stopped or a machine that crawls.
            done.append(Verdict(**child.receive(10 * seconds + 30)))
    except (OSError, TimeoutError) as error:
        _STATE.child = None
        done.append(Verdict(None, None, f"math-verify's process ended ({child.close()}): {error}"))
    return done


class _Child:
    """The child process and its pipes."""

    def __init__(self) -> None:
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        # -P: the folder of the worker, with our numbers.py in it, is not searched for modules.
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER), str(os.getpid()), str(_WORKER.parents[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            bufsize=0,
        )
        self.unread = b""
        try:
            self.receive(_START_SECONDS)
        except (OSError, TimeoutError) as error:
            said = self._last_error()
            self.close()
            raise RuntimeError(f"math-verify's process does not start: {said}") from error

    def send(self, data: bytes) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        view = memoryview(data)
        while view:
            view = view[stdin.write(view) :]

    def receive(self, seconds: float) -> dict[str, Any]:
        """The next reply. Raises TimeoutError, and OSError when the child has ended."""
        stdout = self.process.stdout
        assert stdout is not None
        deadline = time.monotonic() + seconds
        while b"\n" not in self.unread:
            ready, _, _ = select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no reply in {seconds:g} s")
            data = os.read(stdout.fileno(), 1 << 16)
            if not data:
                raise OSError("it closed its output")
            self.unread += data
        line, _, self.unread = self.unread.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> str:
        """Ends it; says with what code it ended."""
        self.process.kill()
        code = self.process.wait()
        self.drop()
        return f"exit code {code}"

    def drop(self) -> None:
        """Closes our ends of what is shared with it: the child sees the end of its input."""
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _last_error(self) -> str:
        self.errors.seek(0)
        return self.errors.read()[-500:].decode(errors="replace").strip() or "it said nothing"


class _State:
    """What is kept of this process: the lock and the child."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.child: _Child | None = None


_STATE = _State()


def _forget() -> None:
    """In a forked process: the child is the parent's, and the lock may be held by a thread that is not here."""
    global _STATE  # noqa: PLW0603 - module state by design
    child = _STATE.child
    _STATE = _State()
    if child is not None:
        child.drop()
        child.process.returncode = 0  # not ours to wait for


def _end() -> None:
    child = _STATE.child
    _STATE.child = None
    if child is not None:
        child.close()


os.register_at_fork(after_in_child=_forget)
atexit.register(_end)
