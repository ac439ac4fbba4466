"""The layers around one run, put on by its own process just before it reads what it is to run.

Limits always: address space, CPU seconds, file size, open files, no core dump; where the kernel counts them, threads.
Confined: no capability, no new privileges, Landlock, seccomp (see there). Namespaces are the server's (see there).
"""

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


def set_limits(walls: Walls, seconds: float, memory_mib: int) -> None:
    """For this process, for good: hard limits."""
    cpu = math.ceil(seconds) + 1
    mib = 1 << 20
    limits = {
        resource.RLIMIT_AS: walls.base_bytes + memory_mib * mib,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_FSIZE: SCRATCH_MIB * mib,
        resource.RLIMIT_NOFILE: _MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def limit_threads(count_in_namespace: bool) -> None:
    """Root takes a user id of its own for each run, as the kernel counts threads by user and lets root have any number.

    Files are still opened as before (the effective id stays). For others the count is right in a user namespace only.
    """
    if os.geteuid() == 0:
        try:
            os.setresuid(_FIRST_UID + os.getpid() % 1_000_000, -1, -1)
        except OSError:
            return  # the id is not mapped here: memory alone limits threads
    elif not count_in_namespace:
        return
    resource.setrlimit(resource.RLIMIT_NPROC, (MAX_THREADS, MAX_THREADS))


def confine(walls: Walls, rules: int) -> None:
    """Shuts this process in, for good. rules: of its scratch folder. Raises OSError where a layer fails."""
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    landlock.restrict(rules)
    walls.filter.install(os.getpid())
