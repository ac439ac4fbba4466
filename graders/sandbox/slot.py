"""One of the server's processes that run one job after another: forks, waits, kills, cleans up."""

import contextlib
import json
import os
import select
import signal
import socket
import time
from typing import Any

from graders.sandbox import confine, linux, runner

GRACE_SECONDS = 0.5
"""The tests' own process stops when the time is over, and tells what it has; it gets this long to do so."""
_WATCH_SECONDS = 0.1
_MAX_FDS = 4
_MAX_PROCESSES = 2
_MAX_ENTRIES = 4096


class Slot:
    """tmpfs: whether scratch folders lie on a disk of their own, of limited size; else their size is watched."""

    def __init__(self, walls: confine.Walls, base: str, tmpfs: bool, confined: bool, in_namespace: bool) -> None:
        self._walls = walls
        self._base = base
        self._tmpfs = tmpfs
        self._confined = confined
        self._in_namespace = in_namespace
        self._folder = ""
        self._rules: list[int | None] = []

    def probe(self) -> str:
        """Runs nothing, with every layer on, in a slot of its own. What is missing here; empty when nothing is."""
        if not self._walls.landlock_abi:
            return "Landlock (Linux 5.13 or newer, with landlock in its list of security modules)"
        heard, telling = os.pipe()
        prober = os.fork()
        if prober == 0:
            try:
                said = self._probed()
            except BaseException as error:  # noqa: BLE001 - a copy of the server must not go on
                said = f"a slot that starts ({type(error).__name__}: {error})"
            os.write(telling, said.encode())
            os._exit(0)
        os.close(telling)
        with os.fdopen(heard, encoding="utf-8") as told:
            said = told.read()
        os.waitpid(prober, 0)
        return said

    def _probed(self) -> str:
        self._enter()
        mine, theirs = socket.socketpair()
        process = self._fork(runner.Run("call", theirs.fileno(), None, 5.0, 64, f"{self._folder}/0", self._rules[0]))
        mine.shutdown(socket.SHUT_WR)
        theirs.close()
        said = mine.recv(1000).decode("utf-8", "replace")
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        self._leave()
        return f"Landlock and seccomp that can be used ({said})" if code == runner.NOT_CONFINED else ""

    def serve(self, client: socket.socket) -> None:
        """One job after another, until the client closes its end."""
        self._enter()
        while True:
            message, descriptors, _, _ = socket.recv_fds(client, 4096, _MAX_FDS)
            if not message:
                break
            client.send(json.dumps(self._run(json.loads(message), descriptors, client)).encode())
        self._leave()

    def _run(self, job: dict[str, Any], descriptors: list[int], client: socket.socket) -> dict[str, Any]:
        started = time.monotonic()
        roles = job.pop("roles")
        processes = []
        for place, role in enumerate(roles):
            mine = descriptors[place :: len(roles)]
            run = runner.Run(
                role=role,
                job=mine[0],
                link=mine[1] if len(mine) > 1 else None,
                scratch=f"{self._folder}/{place}",
                rules=self._rules[place],
                **job,
            )
            processes.append(self._fork(run))
        for descriptor in descriptors:
            os.close(descriptor)
        over = self._wait(processes, started + job["seconds"] + GRACE_SECONDS * (len(roles) > 1), client)
        seconds = time.monotonic() - started
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
        self._clean()
        return {"codes": codes, "over": over, "seconds": seconds}

    def _fork(self, run: runner.Run) -> int:
        me = os.getpid()
        process = os.fork()
        if process == 0:
            runner.main(run, self._walls, me)
        return process

    def _wait(self, processes: list[int], deadline: float, client: socket.socket) -> str:
        """Until the last process (the tests, in a trial) ends. Which limit ended it instead, else empty."""
        watched = os.pidfd_open(processes[-1])
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.register(client, select.POLLIN)
        try:
            while (left := deadline - time.monotonic()) > 0:
                step = left if self._tmpfs else min(left, _WATCH_SECONDS)
                if poll.poll(step * 1000 + 1):
                    return ""
                if not self._tmpfs and size(self._folder) > confine.SCRATCH_MIB << 20:
                    return "disk"
            return "time"
        finally:
            os.close(watched)

    def _enter(self) -> None:
        self._folder = f"{self._base}/{os.getpid()}"
        os.mkdir(self._folder, 0o711)  # noqa: PTH102 - pathlib is not imported here
        if self._tmpfs:
            options = f"size={confine.SCRATCH_MIB}m,nr_inodes={_MAX_ENTRIES},mode=711"
            linux.mount("tmpfs", self._folder, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
        if self._confined:
            confine.disown(self._in_namespace)
        for place in range(_MAX_PROCESSES):
            os.mkdir(f"{self._folder}/{place}", 0o700)  # noqa: PTH102
            self._rules.append(self._walls.rules(f"{self._folder}/{place}") if self._confined else None)

    def _leave(self) -> None:
        if not self._tmpfs:  # which goes with the server
            empty_folder(self._folder)
            os.rmdir(self._folder)  # noqa: PTH106 - pathlib is not imported here

    def _clean(self) -> None:
        """Nothing that a run wrote is left to the next."""
        for place in range(_MAX_PROCESSES):
            empty_folder(f"{self._folder}/{place}")


def size(folder: str) -> int:
    """Bytes of the files below; more than any limit where there are too many to count."""
    total = 0
    folders = [folder]
    left = _MAX_ENTRIES
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                left -= 1
                if left < 0:
                    return 1 << 62
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def empty_folder(folder: str) -> None:
    """Removes all that is in it, however deep: what is inside a folder is moved up before the folder goes."""
    moved = 0
    while entries := list(os.scandir(folder)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)  # noqa: PTH108 - pathlib is not imported here
                continue
            for inner in list(os.scandir(entry.path)):
                moved += 1
                os.rename(inner.path, f"{folder}/moved-{moved}")  # noqa: PTH104
            os.rmdir(entry.path)  # noqa: PTH106
