"""The child process of graders/math.py: graders/math_verifier.py under a limit of CPU seconds. It runs by its path.

In, a line of JSON each: {"references": [...], "completion": "...", "seconds": 2.0}. Out, a line each:
{"right": true, false or null, "found": "...", "why": "..."}. It ends with its input or its parent, and takes at most
4 GiB of address space.
"""

import json
import os
import resource
import select
import signal
import sys
from collections.abc import Iterator
from typing import Any

_MAX_ADDRESS_SPACE = 4 * 1024**3


class _TimeUp(BaseException):
    """Not an Exception, so that no handler of sympy's takes it."""


def main(parent: int, packages: str) -> None:
    """packages: the folder in which `graders` lies."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no reply
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_ADDRESS_SPACE, _MAX_ADDRESS_SPACE))
    signal.signal(signal.SIGPROF, _time_up)
    verifier = _verifier(packages)
    replies.write(b'{"ready": true}\n')
    for line in _lines(parent):
        replies.write(json.dumps(_limited(verifier.verdict, json.loads(line))).encode() + b"\n")


def _verifier(packages: str) -> Any:
    """Ours, though the folder is searched for nothing else: there may be a `types.py` beside the package."""
    sys.path.insert(0, packages)
    from graders.math_verifier import Verifier

    sys.path.pop(0)
    return Verifier()


def _lines(parent: int) -> Iterator[bytes]:
    """Lines of standard input to its end, or to the parent's where another process holds the pipe open."""
    unread = b""
    while True:
        while b"\n" not in unread:
            if not select.select([0], [], [], 1.0)[0]:
                if os.getppid() != parent:
                    return
                continue
            data = os.read(0, 1 << 16)
            if not data:
                return
            unread += data
        line, _, unread = unread.partition(b"\n")
        yield line


def _time_up(*_: object) -> None:
    raise _TimeUp


def _limited(verdict: Any, request: dict[str, Any]) -> dict[str, Any]:
    seconds = request["seconds"]
    # The handler runs between two steps of the interpreter. Code in C that never returns is ended by the second timer.
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds + 2)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    try:
        reply: dict[str, Any] = verdict(tuple(request["references"]), request["completion"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        return reply
    except _TimeUp:
        return {"right": None, "found": None, "why": f"not decided in {seconds:g} s of computing time"}
    except (Exception, MemoryError, RecursionError) as error:  # noqa: BLE001 - sympy raises anything
        return {"right": None, "found": None, "why": f"math-verify failed: {type(error).__name__}: {str(error)[:200]}"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
