"""This process's servers, one of each kind, started when first needed and ended with it; and connections to them.

A process that was forked gets servers of its own.
"""

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from graders.errors import UserError
from graders.sandbox.jobs import Call, Job
from graders.sandbox.linux import SUPPORTED
from graders.sandbox.spawn import USE_HEAVY, spawn

_ENDING_SECONDS = 5.0


class Lost(Exception):
    """The server or a slot of it is gone."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A server is confined or not, and has the heavy libraries loaded or not."""

    confined: bool
    heavy: bool

    @classmethod
    def of(cls, job: Job) -> "Kind":
        """The kind that a job needs, by the libraries that its text names."""
        texts = (job.source,) if isinstance(job, Call) else (job.program, *job.tests)
        return cls(job.limits.confined, any(name in text for name in USE_HEAVY for text in texts))


class Server:
    """One server, its free connections, and the layers that hold."""

    def __init__(self, kind: Kind) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._free: list[socket.socket] = []
        self._lock = threading.Lock()
        with theirs:
            self._scratch = tempfile.mkdtemp(prefix="finetune-advisor-sandbox-")
            self._process = spawn(theirs, kind.confined, kind.heavy, self._scratch)
        ready = json.loads(self._control.recv(4096) or b'{"missing": "a server process, which did not start"}')
        if missing := ready.get("missing"):
            self.close()
            raise UserError(
                f"this machine has no {missing}, so code cannot be run safely",
                "a Linux kernel with Landlock and seccomp",
                "run on such a machine, or say sandbox: none in the grader to run the code unguarded",
            )
        self.layers: tuple[str, ...] = tuple(ready["layers"])

    @contextlib.contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """One that no other thread uses meanwhile; thrown away when the block raises."""
        with self._lock:
            client = self._free.pop() if self._free else self._connect()
        try:
            yield client
        except BaseException:
            client.close()
            raise
        with self._lock:
            self._free.append(client)

    def _connect(self) -> socket.socket:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(self._control, [b"slot"], [theirs.fileno()])
            except OSError as error:
                mine.close()
                raise Lost from error
        return mine

    def forget(self) -> None:
        """Closes this process's copies of the connections; the server is another process's."""
        for end in (self._control, *self._free):
            end.close()

    def close(self) -> None:
        """Ends the server and all it runs."""
        self.forget()  # which is what it ends at
        deadline = time.monotonic() + _ENDING_SECONDS
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(self._process, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    os.kill(self._process, signal.SIGKILL)
                    os.waitpid(self._process, 0)
                    break
                time.sleep(0.002)
        shutil.rmtree(self._scratch, ignore_errors=True)


servers: dict[Kind, Server] = {}
_starting = threading.Lock()


def server_of(kind: Kind) -> Server:
    """This process's server of that kind. Raises UserError where this machine cannot have one."""
    if not SUPPORTED:
        raise UserError("code is graded on Linux only, on x86-64 or arm64", "such a machine, or a container of one")
    with _starting:
        if kind not in servers:
            servers[kind] = Server(kind)
        return servers[kind]


def drop(server: Server) -> None:
    """Ends a server that does not answer; the next job starts another."""
    with _starting:
        for kind in [kind for kind, one in servers.items() if one is server]:
            del servers[kind]
    server.close()


def close_all() -> None:
    """Ends every server and all they run."""
    for server in servers.values():
        server.close()
    servers.clear()


def _after_fork() -> None:
    global _starting  # noqa: PLW0603 - a lock that another thread held is held for ever in a forked process
    _starting = threading.Lock()
    for server in servers.values():
        server.forget()
    servers.clear()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(close_all)
