"""What one process of a run does, from its fork to its end: takes its fds, shuts itself in, reads its job, answers.

The job comes over a pair of sockets, straight from the process that wants it run: the server never sees it, so that no
run finds another's code or tests in its memory. A Call's answer is its token, then JSON. The token stays in the socket
until the code has run, and nothing but the whole of such an answer counts.
"""

import contextlib
import json
import os
import random
import signal
import sys
import time
import types
from dataclasses import dataclass
from typing import Any

from graders.sandbox import confine, linux, program, trial
from graders.sandbox.link import Link, LinkClosed

TOKEN_BYTES = 32
NOT_CONFINED = 70
"""Exit code of a process whose layers could not be put on. It has run nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """role: call, program or tests. job: the fd that the job comes from. link: of the other process of a trial.

    rules: the fd of Landlock's rules for the scratch folder; None runs unconfined.
    """

    role: str
    job: int
    link: int | None
    seconds: float
    memory_mib: int
    scratch: str
    rules: int | None


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
    given = {descriptor for descriptor in (run.job, run.link) if descriptor is not None}
    _close_all_but({0, 1, 2, *given, *([] if run.rules is None else [run.rules])})
    os.chdir(run.scratch)
    confine.set_limits(walls, run.seconds, run.memory_mib)
    if run.rules is not None:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            raise OSError("the server is gone")
        confine.confine(walls, run.rules)
        os.close(run.rules)
    random.seed(0)


def _close_all_but(kept: set[int]) -> None:
    start = 0
    for descriptor in [*sorted(kept), 1 << 30]:
        if descriptor > start:  # os.closerange(0, 0) closes everything
            os.closerange(start, descriptor)
        start = descriptor + 1


def _work(run: Run) -> None:
    given = json.loads(_exactly(run.job, int.from_bytes(_exactly(run.job, 8), "little")))
    if run.link is None:
        answer = _answer_of_call(**given)
        answer = _exactly(run.job, TOKEN_BYTES) + answer
        while answer:
            answer = answer[os.write(run.job, answer) :]
    elif run.role == "program":
        os.close(run.job)
        program.run(Link(run.link), given["program"])
    else:
        deadline = time.monotonic() + run.seconds
        trial.run(Link(run.link, deadline), trial.Report(run.job), given["tests"], given["entry_point"])


def _exactly(job: int, length: int) -> bytes:
    parts = []
    while length:
        part = os.read(job, min(length, 1 << 20))
        if not part:
            raise LinkClosed
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _answer_of_call(source: str, function: str, arguments: list[Any]) -> bytes:
    module = types.ModuleType("grader")
    sys.modules["grader"] = module
    try:
        exec(compile(source, "grader", "exec", dont_inherit=True), vars(module))
        if function not in vars(module):
            return _raised(f"the source defines no function {function!r}")
        return json.dumps({"value": vars(module)[function](*arguments)}, default=_number_or_name).encode("ascii")
    except BaseException as error:  # noqa: BLE001 - SystemExit of the source is an error like another
        return _raised(trial.describe(error))


def _raised(said: str) -> bytes:
    return json.dumps({"raised": said}).encode("ascii")


def _number_or_name(value: Any) -> Any:
    """What JSON gets of what it does not know, such as numpy's numbers."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return f"an object of {type(value).__name__}"
