"""Runs code that a model or a third party wrote. See `run`, `layers`, and the limits below.

What holds: no network; no file but Python's own libraries (to read) and a scratch folder that goes with the run; no
other program or process, only threads; limits on CPU and wall time, address space, file size and disk; no environment,
no secrets; no signal to others; the end of all of it with the process that asked. Each run is a fork of a warm parent
that has seen no other run's code. Every layer but the namespaces must hold, else the run is refused.
stdin, stdout and stderr are /dev/null: nothing that is printed is read.

What does not: a Trial's tests and program share no process, so that the program can only answer what it is asked; but
names that the tests take from it (a helper, an operator of a class that is itself under test) say what it likes. A
Call's function is believed, and so is any code that its own source executes. stat() tells whether a path exists. The
kernel is the wall: where code may come from an attacker with a kernel exploit, put the machine behind another one.
"""

from collections.abc import Sequence

from graders.sandbox.jobs import Around, Call, Job, Limits, Outcome, TestResult, Trial

__all__ = ["Around", "Call", "Job", "Limits", "Outcome", "TestResult", "Trial", "layers", "run"]

# pool brings threads with it, which would make each fork of the server slower: it is imported by those who use it.


def run(jobs: Sequence[Job], around: Around | None = None) -> list[Outcome]:
    """Runs jobs, in parallel; their outcomes in order. Raises UserError where this machine cannot confine them.

    around: is handed each run, and may give another outcome in its place.
    """
    from graders.sandbox import pool

    return pool.run(jobs, around)


def layers(confined: bool = True) -> tuple[str, ...]:
    """What holds a run in, such as landlock v7, seccomp, rlimits, pidns. Raises UserError where too little does."""
    from graders.sandbox import pool

    return pool.layers(confined)
