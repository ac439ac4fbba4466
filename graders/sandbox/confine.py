"""The layers around one run, put on by its own process just before it reads what it is to run.

Limits always: address space, CPU seconds, file size, open files, no core dump; where the kernel counts them, threads.
Confined: no capability, no new privileges, Landlock, seccomp (see there). Namespaces are the server's (see there).
"""

import contextlib
import math
import os
import resource
from dataclasses import dataclass

from graders.sandbox import landlock, linux, seccomp

SCRATCH_MIB = 64
"""All that a run may write; OpenAI's graders have 1 GB, which no grader of text needs."""
MAX_THREADS = 64
_MAX_OPEN_FILES = 128
_FIRST_UID = 2_000_100_000
"""User ids from here on own no file and no other process: what RLIMIT_NPROC counts is then this run alone."""


@dataclass(frozen=True, slots=True)
class Walls:
    """What is prepared once, in the server: Landlock's descriptors, the packed filter, the size of a fresh process."""

    landlock_abi: int
    readable: tuple[tuple[int, int], ...]
    devices: tuple[int, ...]
    filter: seccomp.Filter
    base_bytes: int

    def rules(self, scratch: str) -> int:
        """A descriptor of Landlock's rules for runs whose scratch folder is this one. Raises OSError."""
        folder = os.open(scratch, os.O_PATH | os.O_CLOEXEC)
        try:
            return landlock.ruleset(self.landlock_abi, self.readable, self.devices, folder)
        finally:
            os.close(folder)


def build_walls(readable: list[str]) -> Walls:
    """readable: files and folders that a run may read."""
    devices = tuple(descriptor for descriptor, _ in landlock.open_paths(["/dev/null"]))
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - pathlib is not imported here
        base = int(file.read().split()[0]) * resource.getpagesize()
    return Walls(landlock.abi(), tuple(landlock.open_paths(readable)), devices, seccomp.Filter(), base)


def prepare() -> None:
    """What all runs share, for the server and so for all it forks: hard limits, no new privileges, no core dumps."""
    limits = {
        resource.RLIMIT_FSIZE: SCRATCH_MIB << 20,
        resource.RLIMIT_NOFILE: _MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, most in limits.items():
        _limit(kind, most)
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)


def set_limits(walls: Walls, seconds: float, memory_mib: int) -> None:
    """For this process, for good: hard limits."""
    _limit(resource.RLIMIT_AS, walls.base_bytes + (memory_mib << 20))
    _limit(resource.RLIMIT_CPU, math.ceil(seconds) + 1)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (value, value))


def disown(count_in_namespace: bool) -> None:
    """For a slot, and so for all it forks: no capability, and no more threads than MAX_THREADS.

    The kernel counts threads by user and lets root have any number: root takes a user id of its own for each slot, and
    opens files as before (the effective id stays). For others a user namespace counts its own, over all slots; where
    there is none, the user's other threads count too, and more of them are let start.
    """
    most = MAX_THREADS * (os.cpu_count() or 1)
    if os.geteuid() == 0 and _takes_an_id_of_its_own():
        most = MAX_THREADS
    elif not count_in_namespace:
        most = 1024 + _threads_of_this_user()
    _limit(resource.RLIMIT_NPROC, most)
    linux.drop_capabilities()


def _takes_an_id_of_its_own() -> bool:
    try:
        os.setresuid(_FIRST_UID + os.getpid() % 1_000_000, -1, -1)
    except OSError:  # the id may not be mapped here
        return False
    return True


def _threads_of_this_user() -> int:
    count = 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                count += len(os.listdir(f"{entry.path}/task"))  # noqa: PTH208 - pathlib is not imported here
    return count


def confine(walls: Walls, rules: int) -> None:
    """Shuts this process in, for good, after `prepare` and `disown`. rules: of its scratch folder. Raises OSError."""
    landlock.restrict(rules)
    walls.filter.install(os.getpid())
