"""What the sandbox is asked to run, and what it answers. Plain data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

HowEnded = Literal["done", "raised", "timed_out", "died"]


@dataclass(frozen=True, slots=True)
class Limits:
    """seconds: of wall time; a process may use as much CPU time, rounded up, and a second more. memory_mib: beyond
    what the warm interpreter has; address space is what counts, so libraries that are imported count too.
    confined: False runs without Landlock, seccomp and namespaces; limits and time are then all that holds.
    """

    seconds: float = 10.0
    memory_mib: int = 512
    confined: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """Run `source`, then call its `function` with `arguments` (values that JSON holds); the answer is what it returns.

    The function's word is taken for its result: code that `source` itself runs in its process could speak for it.
    """

    source: str
    function: str
    arguments: tuple[Any, ...] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Trial:
    """Run `program` in one process and `tests`, which judge it, in another, so that it can neither see nor forge them.

    tests: texts of Python, each with one or many asserts, `test_…` functions, TestCases, or a function `check`, which
    is called with the program's `entry_point`. Classes that they define are made in the program's process.
    """

    program: str
    tests: tuple[str, ...]
    entry_point: str = ""
    limits: Limits = field(default_factory=Limits)


Job = Call | Trial


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: its source, shortened, whether it passed, and if not, why."""

    source: str
    passed: bool
    said: str = ""

    __test__ = False  # pytest would take it for a test


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended. value: what a Call returned. tests: a Trial's results, as far as it came.

    ended: "raised" when the code raised (a Trial: when its program did, or its tests cannot be run), "died" when a
    process ended without an answer (out of memory, a crash, os._exit). error: one line on it.
    broken: the fault lies with the tests or the sandbox, not with the program under test.
    """

    ended: HowEnded
    value: Any = None
    tests: tuple[TestResult, ...] = ()
    error: str = ""
    broken: bool = False
    seconds: float = 0.0


Around = Callable[[Callable[[], Outcome]], Outcome]
