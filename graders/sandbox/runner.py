"""What one process of a run does, from its fork to its end: takes its fds, shuts itself in, reads its job, answers.

The job comes over a pair of sockets, straight from the process that wants it run: the server never sees it, so that no
run finds another's code or tests in its memory. A Call's answer is its token, then JSON. The token stays in the socket
until the code has run, and nothing but the whole of such an answer counts.
"""

import contextlib
import gc
import json
import os
import random
import signal
import socket
import time
import types
from dataclasses import dataclass
from typing import Any

from graders.sandbox import confine, linux, program, trial, wire
from graders.sandbox.link import Link, LinkClosed

TOKEN_BYTES = 32
NOT_CONFINED = 70
"""Exit code of a process whose layers could not be put on. It has run nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """role: call, program or tests. job: the fd that the job comes from. link: of the other process of a trial."""

    role: str
    job: int
    link: int | None
    seconds: float
    memory_mib: int
    confined: bool
    scratch: str
    count_threads_in_namespace: bool


def main(run: Run, walls: confine.Walls, parent: int) -> None:
    """The whole of a forked process; never returns."""
    try:
        _shut_in(run, walls, parent)
    except BaseException as error:  # noqa: BLE001 - a copy of the server must not go on
        with contextlib.suppress(OSError):
            os.write(run.job, f"{type(error).__name__}: {error}".encode())
        os._exit(NOT_CONFINED)
    code = 1
    with contextlib.suppress(LinkClosed):
        _work(run)
        code = 0
    os._exit(code)


def _shut_in(run: Run, walls: confine.Walls, parent: int) -> None:
    kept = {0, 1, 2, run.job, *walls.descriptors, *([] if run.link is None else [run.link])}
    _close_all_but(kept)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise OSError("the server is gone")
    signal.set_wakeup_fd(-1)
    os.mkdir(run.scratch, 0o700)  # noqa: PTH102 - pathlib is slow, and this runs a hundred times a second
    os.chdir(run.scratch)
    os.environ["HOME"] = os.environ["TMPDIR"] = run.scratch
    confine.set_limits(walls, run.seconds, run.memory_mib)
    if run.confined:
        confine.limit_threads(run.count_threads_in_namespace)
        scratch = os.open(run.scratch, os.O_PATH)
        confine.confine(walls, scratch)
        os.close(scratch)
    for descriptor in walls.descriptors:
        os.close(descriptor)
    random.seed(0)
    gc.unfreeze()


def _close_all_but(kept: set[int]) -> None:
    start = 0
    for descriptor in [*sorted(kept), 1 << 30]:
        if descriptor > start:  # os.closerange(0, 0) closes everything
            os.closerange(start, descriptor)
        start = descriptor + 1


def _work(run: Run) -> None:
    job = socket.socket(fileno=run.job)
    given = json.loads(_exactly(job, int.from_bytes(_exactly(job, 8), "little")))
    if run.link is None:
        answer = _answer_of_call(**given)
        job.sendall(_exactly(job, TOKEN_BYTES) + answer)
        return
    end = socket.socket(fileno=run.link)
    if run.role == "program":
        job.close()
        program.run(Link(end), given["program"])
    else:
        deadline = time.monotonic() + run.seconds
        trial.run(Link(end, deadline), trial.Report(run.job), given["tests"], given["entry_point"])


def _exactly(job: socket.socket, length: int) -> bytes:
    parts = []
    while length:
        part = job.recv(min(length, 1 << 20))
        if not part:
            raise LinkClosed
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _answer_of_call(source: str, function: str, arguments: list[Any]) -> bytes:
    module = types.ModuleType("grader")
    try:
        exec(compile(source, "grader", "exec", dont_inherit=True), vars(module))  # noqa: S102 - what we are for
        value = vars(module)[function](*arguments)
        value = wire.encode(value, _no_data)
        return json.dumps({"value": value}).encode("ascii")
    except KeyError as error:
        missing = error.args == (function,) and function not in vars(module)
        return _raised(f"the source defines no function {function!r}" if missing else trial.describe(error))
    except BaseException as error:  # noqa: BLE001 - SystemExit of the source is an error like another
        return _raised(trial.describe(error))


def _raised(said: str) -> bytes:
    return json.dumps({"raised": said}).encode("ascii")


def _no_data(value: Any) -> Any:
    return ["text", f"an object of {type(value).__name__}"]
