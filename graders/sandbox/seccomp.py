"""A seccomp filter: the system calls that Python needs to compute, and no other.

An allowlist, as the kernel gains calls that no denylist knows (io_uring was one). What is not on it fails with EPERM,
so that code which tries gets an ordinary OSError; clone3 fails with ENOSYS, so that libc falls back to clone, whose
flags can be read. A foreign calling convention (32-bit, x32) kills. Left out on purpose: sockets but for a pair of
connected ones (asyncio needs it), new processes and programs (only threads), signals to others, ptrace, changes of
owner, mode and times (Landlock does not watch them), shared memory, keys, mounts, namespaces, clocks, limits.
Sources: seccomp(2), the kernel's unistd tables (x86_64 first, then aarch64; "-" where there is no such call).
"""

import ctypes
import struct
from dataclasses import dataclass

from graders.sandbox.linux import MACHINE, PR_SET_SECCOMP, prctl

_PLAIN = """
read 0 63  write 1 64  readv 19 65  writev 20 66  pread64 17 67  pwrite64 18 68  preadv 295 69  pwritev 296 70
open 2 -  openat 257 56  close 3 57  close_range 436 436  lseek 8 62  stat 4 -  fstat 5 80  lstat 6 -
newfstatat 262 79  statx 332 291  access 21 -  faccessat 269 48  faccessat2 439 439  readlink 89 -  readlinkat 267 78
getdents 78 -  getdents64 217 61  getcwd 79 17  chdir 80 49  fchdir 81 50  dup 32 23  dup2 33 -  dup3 292 24
pipe 22 -  pipe2 293 59  flock 73 32  fsync 74 82  fdatasync 75 83  ftruncate 77 46  fallocate 285 47
fadvise64 221 223  statfs 137 43  fstatfs 138 44  umask 95 166  sendfile 40 71  copy_file_range 326 285
mkdir 83 -  mkdirat 258 34  rmdir 84 -  unlink 87 -  unlinkat 263 35  rename 82 -  renameat 264 38
renameat2 316 276  link 86 -  linkat 265 37  symlink 88 -  symlinkat 266 36
mmap 9 222  mprotect 10 226  munmap 11 215  mremap 25 216  madvise 28 233  brk 12 214  msync 26 227  mincore 27 232
rt_sigaction 13 134  rt_sigprocmask 14 135  rt_sigreturn 15 139  rt_sigpending 127 136  rt_sigtimedwait 128 137
rt_sigsuspend 130 133  sigaltstack 131 132  pause 34 -  alarm 37 -  setitimer 38 103  getitimer 36 102
restart_syscall 219 128
select 23 -  pselect6 270 72  poll 7 -  ppoll 271 73  epoll_create 213 -  epoll_create1 291 20  epoll_ctl 233 21
epoll_wait 232 -  epoll_pwait 281 22  epoll_pwait2 441 441  eventfd 284 -  eventfd2 290 19
nanosleep 35 101  clock_nanosleep 230 115  clock_gettime 228 113  clock_getres 229 114  gettimeofday 96 169
time 201 -  times 100 153  getrusage 98 165  sysinfo 99 179  uname 63 160  getrandom 318 278
getpid 39 172  getppid 110 173  gettid 186 178  getuid 102 174  geteuid 107 175  getgid 104 176  getegid 108 177
getresuid 118 148  getresgid 120 150  getgroups 115 158  getpgid 121 155  getpgrp 111 -  getsid 124 156
capget 125 90  sched_yield 24 124  sched_getaffinity 204 123  sched_getparam 143 121  sched_getscheduler 145 120
sched_get_priority_max 146 125  sched_get_priority_min 147 126  getcpu 309 168  getrlimit 97 163
futex 202 98  futex_waitv 449 449  set_robust_list 273 99  set_tid_address 218 96  rseq 334 293  membarrier 324 283
wait4 61 260  waitid 247 95  exit 60 93  exit_group 231 94  recvfrom 45 207  shutdown 48 210
getsockname 51 204  getsockopt 55 209
"""
_OWN_PID = 0x7FFF_FFF0
"""Stands in the program for the pid of the process that installs it; no process has this one."""


@dataclass(frozen=True, slots=True)
class _Argument:
    """One argument of a call, of 32 bits unless `wide`, must be one of `values` once `mask` is applied."""

    place: int
    values: tuple[int, ...]
    mask: int = 0xFFFF_FFFF
    wide: bool = False


_CHECKED: dict[str, tuple[tuple[int, int], tuple[_Argument, ...]]] = {
    # CLONE_VM, CLONE_SIGHAND and CLONE_THREAD, no namespace: a thread.
    "clone": ((56, 220), (_Argument(0, (0x0001_0900,), mask=0x7E03_0900),)),
    "kill": ((62, 129), (_Argument(0, (_OWN_PID,)),)),
    "tgkill": ((234, 131), (_Argument(0, (_OWN_PID,)),)),
    # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, locks, F_DUPFD_CLOEXEC; F_SETOWN would send signals.
    "fcntl": ((72, 25), (_Argument(1, (0, 1, 2, 3, 4, 5, 6, 7, 1030)),)),
    # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
    "ioctl": ((16, 29), (_Argument(1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),)),
    "prctl": ((157, 167), (_Argument(0, (15, 16)),)),  # PR_SET_NAME, PR_GET_NAME
    "prlimit64": ((302, 261), (_Argument(0, (0,)), _Argument(2, (0,), wide=True))),  # reads its own
    "socketpair": ((53, 199), (_Argument(0, (1,)), _Argument(1, (1,), mask=0xF))),  # AF_UNIX, SOCK_STREAM
    "sendto": ((44, 206), (_Argument(4, (0,), wide=True),)),  # to the other end, not to an address
}
_CLONE3 = 435
_ARCHITECTURE = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_EPERM, _ENOSYS = 1, 38

_Instruction = tuple[int, int, int, int]  # code, steps to jump if true, if false, constant


def plain_calls(machine: str) -> dict[str, int]:
    """Calls allowed whatever their arguments, with their numbers on this machine."""
    words = _PLAIN.split()
    column = 1 if machine == "x86_64" else 2
    rows = [words[start : start + 3] for start in range(0, len(words), 3)]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def program(machine: str = MACHINE) -> list[_Instruction]:
    """The filter; `_OWN_PID` in it is to be replaced by the pid."""
    code: list[_Instruction] = [
        (_LOAD, 0, 0, 4),  # the architecture
        (_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # the number of the call
    ]
    if machine == "x86_64":
        code += [(_AT_LEAST, 0, 1, 0x4000_0000), (_RETURN, 0, 0, _KILL)]  # x32
    for numbers, arguments in _CHECKED.values():
        block = [step for argument in arguments for step in _checked(argument)] + [(_RETURN, 0, 0, _ALLOW)]
        code += [(_EQUAL, 0, len(block), numbers[machine != "x86_64"]), *block]
    code += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERROR | _ENOSYS)]
    return code + _searched(_bounds(sorted(plain_calls(machine).values())))


def _bounds(numbers: list[int]) -> list[tuple[int, int]]:
    """Where what is returned changes, with what it changes to: [(0, allow), (4, error), …]."""
    bounds = [(0, _ERROR | _EPERM)]
    for number in numbers:
        if bounds[-1][0] == number:
            bounds.pop()
        if not bounds or bounds[-1][1] != _ALLOW:
            bounds.append((number, _ALLOW))
        bounds.append((number + 1, _ERROR | _EPERM))
    return bounds


def _searched(bounds: list[tuple[int, int]]) -> list[_Instruction]:
    """A binary search: the kernel tries every call when a filter is installed, which a list makes slow (0.5 ms)."""
    if len(bounds) == 1:
        return [(_RETURN, 0, 0, bounds[0][1])]
    middle = len(bounds) // 2
    below = _searched(bounds[:middle])
    if len(below) < 256:
        return [(_AT_LEAST, len(below), 0, bounds[middle][0]), *below, *_searched(bounds[middle:])]
    raise ValueError("a jump is too long")  # not with fewer than 250 calls


def _checked(argument: _Argument) -> list[_Instruction]:
    """Falls through when the argument may pass, else returns EPERM."""
    low = 16 + 8 * argument.place
    steps: list[_Instruction] = []
    if argument.wide:
        steps += [(_LOAD, 0, 0, low + 4), (_EQUAL, 1, 0, 0), (_RETURN, 0, 0, _ERROR | _EPERM)]
    steps.append((_LOAD, 0, 0, low))
    if argument.mask != 0xFFFF_FFFF:
        steps.append((_AND, 0, 0, argument.mask))
    left = len(argument.values)
    steps += [(_EQUAL, left - i, 0, value) for i, value in enumerate(argument.values)]
    return [*steps, (_RETURN, 0, 0, _ERROR | _EPERM)]


class Filter:
    """The filter, packed once, to be installed in many processes."""

    def __init__(self) -> None:
        code = program()
        self._packed = b"".join(struct.pack("<HBBI", *step) for step in code)
        self._pid_places = [8 * i + 4 for i, step in enumerate(code) if step[3] == _OWN_PID]
        self._length = len(code)

    def install(self, pid: int) -> None:
        """For this thread and those it starts, for good. Needs PR_SET_NO_NEW_PRIVS. Raises NotAllowed."""
        packed = ctypes.create_string_buffer(self._packed, len(self._packed))
        for place in self._pid_places:
            struct.pack_into("<I", packed, place, pid)
        head = struct.pack("HxxxxxxQ", self._length, ctypes.addressof(packed))
        prctl(PR_SET_SECCOMP, 2, ctypes.create_string_buffer(head, len(head)))
