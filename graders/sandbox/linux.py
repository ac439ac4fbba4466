"""The system calls that Python's standard library does not offer, through libc. Only Linux has them."""

import ctypes
import os
import platform
import sys

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 16384, 1 << 18
MNT_DETACH = 2
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}

MACHINE = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
SUPPORTED = sys.platform == "linux" and MACHINE in SYS_CAPSET

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class NotAllowed(OSError):
    """The kernel refused a call; the message names the call."""


def _checked(result: int, name: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise NotAllowed(number, f"{name}: {os.strerror(number)}")
    return result


def syscall(name: str, number: int, *arguments: object) -> int:
    """A raw system call. Integers must fit a C long; buffers are passed as they are. Raises NotAllowed."""
    passed = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *passed), name)


def prctl(option: int, value: int, pointer: object = None) -> None:
    """Raises NotAllowed."""
    _checked(_libc.prctl(option, ctypes.c_ulong(value), pointer, ctypes.c_ulong(0), ctypes.c_ulong(0)), "prctl")


def unshare(flags: int) -> None:
    """Raises NotAllowed."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Raises NotAllowed."""
    _checked(
        _libc.mount(source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode()),
        "mount",
    )


def unmount(target: str) -> None:
    """Takes a mount away at once, in use or not. Raises NotAllowed."""
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), "umount")


def drop_capabilities() -> None:
    """Gives up every capability for good (a fork keeps none, and nothing may be executed). Raises NotAllowed."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # the third version of the header, this process
    none = (ctypes.c_uint32 * 6)()
    syscall("capset", SYS_CAPSET[MACHINE], header, none)
