"""Runs jobs in the sandbox, from the process that wants them run.

Each thread that runs a job holds one connection to a server, whose other end runs one job at a time; up to as many jobs
as there are CPUs run at once. What is to be run goes straight to the process that runs it, over sockets that the server
only passes on.
"""

import contextlib
import json
import os
import secrets
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from graders.sandbox import answers, runner
from graders.sandbox.jobs import Around, Call, Job, Outcome
from graders.sandbox.servers import Kind, Lost, Server, drop, server_of

_MAX_ANSWER_BYTES = 8 << 20
_LATE_SECONDS = 30.0
"""A slot that says nothing for so long after a run's time is lost."""


def layers(confined: bool) -> tuple[str, ...]:
    """See the package."""
    return server_of(Kind(confined, heavy=False)).layers


def run(jobs: Sequence[Job], around: Around | None) -> list[Outcome]:
    """See the package."""
    for kind in {Kind.of(job) for job in jobs}:
        server_of(kind)

    def one(job: Job) -> Outcome:
        return _run(job) if around is None else around(partial(_run, job))

    if len(jobs) < 2:
        return [one(job) for job in jobs]
    with ThreadPoolExecutor(min(len(jobs), len(os.sched_getaffinity(0)))) as threads:
        return list(threads.map(one, jobs))


def _run(job: Job) -> Outcome:
    for _ in range(2):  # a server that someone killed is started anew, once
        server = server_of(Kind.of(job))
        try:
            return _run_once(job, server)
        except Lost:
            drop(server)
    return Outcome("died", error="the sandbox's server was lost", broken=True)


def _run_once(job: Job, server: Server) -> Outcome:
    """Raises Lost."""
    token = secrets.token_hex(runner.TOKEN_BYTES // 2).encode()
    roles = ["call"] if isinstance(job, Call) else ["program", "tests"]
    with contextlib.ExitStack() as ends:
        pairs = [_pair(ends) for _ in roles]
        links = _pair(ends) if len(roles) == 2 else ()
        client = ends.enter_context(server.connection())
        _start(client, job, roles, [*(theirs for _, theirs in pairs), *links])
        with contextlib.suppress(OSError):  # a process that is gone is told of by its slot
            for (mine, _), text in zip(pairs, _texts(job), strict=True):
                mine.settimeout(job.limits.seconds + _LATE_SECONDS)
                mine.sendall(len(text).to_bytes(8, "little") + text + token)
                mine.shutdown(socket.SHUT_WR)
        answer = _read(pairs[-1][0])
        ended = _ended(client, job.limits.seconds + _LATE_SECONDS)
    return answers.of_call(answer, token, ended) if isinstance(job, Call) else answers.of_trial(answer, ended)


def _pair(ends: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    mine, theirs = socket.socketpair()
    return ends.enter_context(mine), ends.enter_context(theirs)


def _start(client: socket.socket, job: Job, roles: list[str], theirs: list[socket.socket]) -> None:
    """Has a slot start the processes of a job, and lets go of their ends of the sockets."""
    order = {"roles": roles, "seconds": job.limits.seconds, "memory_mib": job.limits.memory_mib}
    try:
        socket.send_fds(client, [json.dumps(order).encode()], [end.fileno() for end in theirs])
    except OSError as error:
        raise Lost from error
    for end in theirs:
        end.close()


def _ended(client: socket.socket, seconds: float) -> answers.Ended:
    """What the slot says of how the processes ended."""
    client.settimeout(seconds)
    try:
        said = client.recv(4096)
    except OSError as error:
        raise Lost from error
    if not said:
        raise Lost
    return answers.Ended(**json.loads(said))


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
