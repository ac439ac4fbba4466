"""Starts the server: what it is given, and what its runs may read."""

import fcntl
import json
import os
import site
import socket
import sys
import sysconfig
from pathlib import Path

from graders.sandbox.server import CONTROL, PARENT

_PRELOAD = (
    *("json", "re", "random", "math", "cmath", "decimal", "fractions", "datetime", "collections", "statistics"),
    *("itertools", "functools", "heapq", "bisect", "string", "typing", "dataclasses", "copy", "operator", "textwrap"),
)
_HEAVY = ("numpy", "rapidfuzz")
"""Preloaded in a server of their own: they make each fork slower, and importing them takes 0.1 s."""
USE_HEAVY = (*_HEAVY, "scipy", "sklearn", "pandas", "skbio")


def spawn(control: socket.socket, confined: bool, heavy: bool, scratch: str) -> int:
    """Starts the server with none of this process's environment but where libraries are; its pid.

    control: its end of the control socket. heavy: with the heavy libraries loaded. scratch: an empty folder of its own.
    """
    preload = _PRELOAD + _HEAVY if heavy else _PRELOAD
    settings = {"readable": _readable(), "preload": preload, "scratch": scratch, "confined": confined}
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": ".",
        "TMPDIR": ".",
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
    if site.ENABLE_USER_SITE:  # named, as it hangs on HOME
        environment["PYTHONPATH"] = site.getusersitepackages()
    here = Path(__file__).resolve()
    command = [sys.executable, "-s", "-P", str(here.with_name("server.py")), json.dumps(settings), str(here.parents[2])]
    ours = os.pidfd_open(os.getpid())
    # Above the numbers that they get there, so that neither takes the place of the other.
    given = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, PARENT + 1) for descriptor in (control.fileno(), ours)]
    try:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, given[0], CONTROL),
            (os.POSIX_SPAWN_DUP2, given[1], PARENT),
        ]
        return os.posix_spawn(sys.executable, command, environment, file_actions=actions)
    finally:
        for descriptor in (ours, *given):
            os.close(descriptor)


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
