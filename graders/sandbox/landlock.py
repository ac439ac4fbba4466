"""Landlock: which files may be read, and the one folder that may be written.

What Landlock does not watch (changes of owner, mode, times and extended attributes; truncate by path before ABI 3;
sockets) the seccomp filter refuses. A path's existence, size and owner can still be asked for (stat).
Source: the kernel's landlock(7) and userspace-api/landlock.rst; ABI 1 is Linux 5.13.
"""

import ctypes
import os
import struct
from collections.abc import Iterable

from graders.sandbox.linux import NotAllowed, syscall

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_SCRATCH = _WRITE_FILE | _READ_FILE | _READ_DIR | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 12  # remove, make, symlink
_REFER, _TRUNCATE = 1 << 13, 1 << 14


def abi() -> int:
    """The kernel's version of Landlock; 0 where it has none."""
    try:
        return syscall("landlock_create_ruleset", _CREATE, None, 0, 1)
    except NotAllowed:
        return 0


def open_paths(paths: Iterable[str]) -> list[tuple[int, int]]:
    """Descriptors of the paths that exist, with what may be done below each: files are read, folders also listed."""
    found = []
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        folder = os.path.isdir(path)  # noqa: PTH112 - this process imports little before it forks
        found.append((descriptor, _READ_FILE | _READ_DIR if folder else _READ_FILE))
    return found


def ruleset(version: int, readable: Iterable[tuple[int, int]], devices: Iterable[int], scratch: int) -> int:
    """A descriptor of the rules, for `restrict`, which many processes may use. Raises NotAllowed.

    readable: as of `open_paths`. devices: descriptors of device files to read and write. scratch: of the folder.
    """
    handled = (1 << 13) - 1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, 1 << 15)):
        handled |= right if version >= since else 0
    network = 3 if version >= 4 else 0
    scoped = 3 if version >= 6 else 0  # abstract sockets and signals
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = syscall("landlock_create_ruleset", _CREATE, _buffer(struct.pack("<QQQ", handled, network, scoped)), size, 0)
    whole = (_SCRATCH | _REFER | _TRUNCATE) & handled
    for descriptor, rights in [*readable, *((d, _READ_FILE | _WRITE_FILE) for d in devices), (scratch, whole)]:
        syscall("landlock_add_rule", _ADD, rules, 1, _buffer(struct.pack("<Qi", rights, descriptor)), 0)
    return rules


def restrict(rules: int) -> None:
    """This process may use nothing but what the rules name, for good. Needs PR_SET_NO_NEW_PRIVS. Raises NotAllowed."""
    syscall("landlock_restrict_self", _RESTRICT, rules, 0)


def _buffer(packed: bytes) -> "ctypes.Array[ctypes.c_char]":
    return ctypes.create_string_buffer(packed, len(packed))
