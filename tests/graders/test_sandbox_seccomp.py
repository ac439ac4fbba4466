"""The seccomp filter, run here as the kernel runs it: for both machines, whichever this one is."""

import struct

import pytest

from graders.sandbox import seccomp

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
THREAD = 0x3D0F00  # what libc passes to clone for a thread


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter returns for a call."""
    six = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, architecture or ARCHITECTURES[machine], 0, *six)
    code = seccomp.program(machine)
    place, value = 0, 0
    while True:
        kind, if_true, if_false, constant = code[place]
        place += 1
        if kind == 0x20:
            (value,) = struct.unpack_from("<I", data, constant)
        elif kind == 0x54:
            value &= constant
        elif kind == 0x15:
            place += if_true if value == constant else if_false
        elif kind == 0x35:
            place += if_true if value >= constant else if_false
        else:
            assert kind == 0x06
            return constant


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_what_is_listed_passes_and_nothing_else_does(machine: str) -> None:
    plain = set(seccomp.plain_calls(machine).values())
    checked = {numbers[machine != "x86_64"] for numbers, _ in seccomp._CHECKED.values()}
    assert not plain & checked
    assert len(plain) == len(seccomp.plain_calls(machine))
    for number in set(range(1000)) - checked:
        expected = ALLOW if number in plain else ENOSYS if number == 435 else EPERM
        assert verdict(machine, number) == expected, number


@pytest.mark.parametrize(
    ("machine", "clone", "fork"), [("x86_64", 56, 0x01200011), ("aarch64", 220, 0x01200011)], ids=["x86", "arm"]
)
def test_clone_makes_threads_only(machine: str, clone: int, fork: int) -> None:
    assert verdict(machine, clone, THREAD) == ALLOW
    assert verdict(machine, clone, fork) == EPERM
    assert verdict(machine, clone, 0x4111) == EPERM  # vfork
    for namespace in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(machine, clone, THREAD | namespace) == EPERM


@pytest.mark.parametrize(
    ("numbers", "allowed", "refused"),
    [
        ((62, 129), (seccomp._OWN_PID, 9), (1, 9)),  # kill
        ((62, 129), (seccomp._OWN_PID, 9), (0xFFFFFFFF, 9)),
        ((234, 131), (seccomp._OWN_PID, 1, 6), (1, 1, 6)),  # tgkill
        ((72, 25), (0, 3), (0, 8, 1)),  # fcntl F_SETOWN
        ((16, 29), (0, 0x5401), (0, 0x5412)),  # ioctl TIOCSTI
        ((157, 167), (15, 0), (22, 2)),  # prctl PR_SET_SECCOMP
        ((302, 261), (0, 7, 0), (0, 7, 1 << 40)),  # prlimit64 that sets
        ((302, 261), (0, 7, 0), (1, 7, 0)),
        ((53, 199), (1, 0x80001), (1, 2)),  # socketpair of datagrams
        ((53, 199), (1, 1), (2, 1)),
        ((44, 206), (3, 1, 1, 0, 0), (3, 1, 1, 0, 1 << 40)),  # sendto an address
    ],
)
def test_arguments_are_read(numbers: tuple[int, int], allowed: tuple[int, ...], refused: tuple[int, ...]) -> None:
    for machine, number in zip(ARCHITECTURES, numbers, strict=True):
        assert verdict(machine, number, *allowed) == ALLOW
        assert verdict(machine, number, *refused) == EPERM


def test_another_calling_convention_kills() -> None:
    assert verdict("x86_64", 1, architecture=0x40000003) == KILL  # 32-bit
    assert verdict("x86_64", 0x40000000 + 1) == KILL  # x32
    assert verdict("aarch64", 1, architecture=0x40000028) == KILL
