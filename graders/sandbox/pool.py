"""Runs jobs in the sandbox, from the process that wants them run.

The server starts with the first job and ends with this process; a process that was forked gets its own. Each thread
that runs a job holds one connection, whose other end runs one job at a time; up to as many jobs as there are CPUs
run at once. Messages go straight to the process of the run, over sockets that the server only passes on.
"""

import atexit
import contextlib
import json
import os
import secrets
import shutil
import signal
import site
import socket
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graders.errors import UserError
from graders.sandbox import runner
from graders.sandbox.jobs import Call, Job, Outcome, TestResult, Trial
from graders.sandbox.linux import SUPPORTED

_PRELOAD = (
    *("json", "re", "random", "math", "cmath", "decimal", "fractions", "datetime", "collections", "statistics"),
    *("itertools", "functools", "heapq", "bisect", "string", "typing", "dataclasses", "copy", "operator", "textwrap"),
)
_HEAVY = ("numpy", "rapidfuzz")
"""Preloaded in a server of their own: they make each fork slower, and importing them takes 0.1 s."""
_USE_HEAVY = (*_HEAVY, "scipy", "sklearn", "pandas", "skbio")
_MAX_ANSWER_BYTES = 8 << 20
_ENDING_SECONDS = 5.0
_LATE_SECONDS = 30.0
"""A slot that says nothing for so long after a run's time is lost."""


class _Lost(Exception):
    """The server or a slot of it is gone."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A server is confined or not, and has the heavy libraries loaded or not."""

    confined: bool
    heavy: bool

    @classmethod
    def of(cls, job: Job) -> "_Kind":
        texts = (job.source,) if isinstance(job, Call) else (job.program, *job.tests)
        return cls(job.limits.confined, any(name in text for name in _USE_HEAVY for text in texts))


class _Server:
    """One server, its free connections, and the layers that hold."""

    def __init__(self, kind: "_Kind") -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._free: list[socket.socket] = []
        self._lock = threading.Lock()
        with theirs:
            self._scratch = tempfile.mkdtemp(prefix="finetune-advisor-sandbox-")
            self._process = _spawn(theirs, kind, self._scratch)
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
                raise _Lost from error
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


_servers: dict[_Kind, _Server] = {}
_starting = threading.Lock()


def _after_fork() -> None:
    global _starting  # noqa: PLW0603 - a lock that another thread held is held for ever in a forked process
    _starting = threading.Lock()
    for server in _servers.values():
        server.forget()
    _servers.clear()


def _close_all() -> None:
    for server in _servers.values():
        server.close()
    _servers.clear()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_close_all)


def layers(confined: bool) -> tuple[str, ...]:
    """See the package."""
    return _server(_Kind(confined, heavy=False)).layers


def run(jobs: Sequence[Job]) -> list[Outcome]:
    """See the package."""
    for kind in {_Kind.of(job) for job in jobs}:
        _server(kind)
    if len(jobs) < 2:
        return [_run(job) for job in jobs]
    with ThreadPoolExecutor(min(len(jobs), len(os.sched_getaffinity(0)))) as threads:
        return list(threads.map(_run, jobs))


def _server(kind: _Kind) -> _Server:
    if not SUPPORTED:
        raise UserError("code is graded on Linux only, on x86-64 or arm64", "such a machine, or a container of one")
    with _starting:
        if kind not in _servers:
            _servers[kind] = _Server(kind)
        return _servers[kind]


def _run(job: Job) -> Outcome:
    kind = _Kind.of(job)
    for _ in range(2):  # a server that someone killed is started anew, once
        server = _server(kind)
        try:
            return _run_once(job, server)
        except _Lost:
            with _starting:
                if _servers.get(kind) is server:
                    del _servers[kind]
            server.close()
    return Outcome("died", error="the sandbox's server was lost", broken=True)


def _run_once(job: Job, server: _Server) -> Outcome:
    with contextlib.ExitStack() as ends:
        pair = [ends.enter_context(end) for end in socket.socketpair()]
        if isinstance(job, Call):
            jobs = [pair]
            links: list[socket.socket] = []
        else:
            jobs = [[ends.enter_context(end) for end in socket.socketpair()], pair]
            links = [ends.enter_context(end) for end in socket.socketpair()]
        client = ends.enter_context(server.connection())
        limits = job.limits
        order = {
            "roles": ["call"] if isinstance(job, Call) else ["program", "tests"],
            "seconds": limits.seconds,
            "memory_mib": limits.memory_mib,
        }
        theirs = [*(each[1] for each in jobs), *links]
        try:
            socket.send_fds(client, [json.dumps(order).encode()], [end.fileno() for end in theirs])
        except OSError as error:
            raise _Lost from error
        for end in theirs:
            end.close()
        token = secrets.token_hex(runner.TOKEN_BYTES // 2).encode()
        with contextlib.suppress(OSError):  # a process that is gone is told of by its slot
            for end, text in zip([each[0] for each in jobs], _texts(job), strict=True):
                end.settimeout(limits.seconds + _LATE_SECONDS)
                end.sendall(len(text).to_bytes(8, "little") + text + token)
                end.shutdown(socket.SHUT_WR)
        answer = _read(pair[0])
        client.settimeout(limits.seconds + _LATE_SECONDS)
        try:
            status = json.loads(client.recv(4096) or b"null")
        except OSError as error:
            raise _Lost from error
        if status is None:
            raise _Lost
    if isinstance(job, Call):
        return _outcome_of_call(answer, token, status)
    return _outcome_of_trial(answer, status)


def _texts(job: Job) -> list[bytes]:
    if isinstance(job, Call):
        given = {"source": job.source, "function": job.function, "arguments": job.arguments}
        return [json.dumps(given, default=str).encode("ascii")]
    tests = {"tests": job.tests, "entry_point": job.entry_point}
    return [json.dumps({"program": job.program}).encode("ascii"), json.dumps(tests).encode("ascii")]


def _read(end: socket.socket) -> bytes:
    """All of it, up to more than any honest answer: a process that writes more is left to run into its time limit."""
    parts = []
    left = _MAX_ANSWER_BYTES
    with contextlib.suppress(OSError):
        while left > 0 and (part := end.recv(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    end.close()
    return b"".join(parts)


def _outcome_of_call(answer: bytes, token: bytes, status: dict[str, Any]) -> Outcome:
    seconds = status["seconds"]
    if status["timed_out"]:
        return Outcome("timed_out", error=_over(status["timed_out"]), seconds=seconds)
    if not answer:
        code = status["codes"][-1]
        return Outcome("died", error=_death(code), broken=code == runner.NOT_CONFINED, seconds=seconds)
    try:
        if not answer.startswith(token):
            raise ValueError("no token")
        told = json.loads(answer[len(token) :])
    except (ValueError, RecursionError):
        return Outcome("died", error="something else than the function's result was written as one", seconds=seconds)
    if "raised" in told:
        return Outcome("raised", error=str(told["raised"]), seconds=seconds)
    return Outcome("done", value=told["value"], seconds=seconds)


def _outcome_of_trial(answer: bytes, status: dict[str, Any]) -> Outcome:
    lines = [json.loads(line) for line in answer.split(b"\n")[:-1]]
    results = [TestResult(line["source"], line["passed"], line["said"]) for line in lines if "source" in line]
    last = lines[-1] if lines else {}
    seconds = status["seconds"]
    if "done" in last:
        return Outcome("done", tests=tuple(results), seconds=seconds)
    if "broken" in last:
        return Outcome("raised", tests=tuple(results), error=last["broken"], broken=True, seconds=seconds)
    planned = next((line["planned"] for line in lines if "planned" in line), 0)
    if "raised" in last:
        error, ended = last["raised"], "raised"
    elif status["timed_out"]:
        error, ended = _over(status["timed_out"]), "timed_out"
    else:
        code = status["codes"][-1]
        return Outcome("died", tests=tuple(results), error=f"the tests' {_death(code)}", broken=True, seconds=seconds)
    missing = max(planned - len(results), 0 if results else 1)
    results += [TestResult("", False, error)] * missing
    return Outcome("raised" if ended == "raised" else "timed_out", tests=tuple(results), error=error, seconds=seconds)


def _over(limit: str) -> str:
    return "it did not end in time" if limit == "time" else "it wrote more than its scratch folder holds"


def _death(code: int) -> str:
    if code == runner.NOT_CONFINED:
        return "process could not be confined"
    if code < 0:
        return f"process was killed by {signal.Signals(-code).name}"
    return f"process ended with code {code} and no answer"


def _spawn(control: socket.socket, kind: _Kind, scratch: str) -> int:
    """Starts the server with none of this process's environment but where libraries are; its pid."""
    preload = _PRELOAD + _HEAVY if kind.heavy else _PRELOAD
    settings = {"readable": _readable(), "preload": preload, "scratch": scratch, "confined": kind.confined}
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    here = Path(__file__).resolve()
    command = [sys.executable, "-s", "-P", str(here.with_name("server.py")), json.dumps(settings), str(here.parents[2])]
    parent = os.pidfd_open(os.getpid())
    try:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, control.fileno(), 103),
            (os.POSIX_SPAWN_DUP2, parent, 104),
        ]
        return os.posix_spawn(sys.executable, command, environment, file_actions=actions)
    finally:
        os.close(parent)


def _readable() -> list[str]:
    """What Python and its libraries are made of. Nothing of the user's, not even the folder that is worked in."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    folders = {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        *(f"{prefix}/{part}" for prefix in prefixes for part in ("lib", "lib64", "share", "nltk_data")),
        *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share", "/etc/ld.so.cache"),
        *("/etc/localtime", "/dev/urandom", "/dev/zero"),
    }
    if site.ENABLE_USER_SITE:
        folders.add(site.getusersitepackages())
    folders |= {folder for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if (folder := path.strip())}
    paths = {Path(folder).resolve() for folder in folders} - {Path("/")}
    return sorted(str(path) for path in paths if not paths.intersection(path.parents))
