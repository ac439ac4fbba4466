"""The first machine's side of a run on several: waits for the others, tells them each stage's work, notes who is gone.

With one machine there are no others, and nothing here does anything.
"""

import time
from pathlib import Path

from graders.errors import UserError
from pipelines.machines import Machines
from pipelines.roll_call import RollCall
from pipelines.signals import Signals

MEET_SECONDS = 1800.0
"""How long the first to come waits for the last; machines of a queue do not start together."""
LISTEN_SECONDS = 1.0
FAILED_SECONDS = 60.0
"""How long this machine's part may outlive another's that failed: it ends by itself as soon as it misses its peer."""


class Others:
    """While open, the others hear what this one says."""

    def __init__(self, run_folder: Path, machines: Machines) -> None:
        self._machines, self._call = machines, RollCall(run_folder, 0)
        self._number, self._listened = 0, float("-inf")
        self._failed_since: float | None = None

    def __enter__(self) -> "Others":
        if self._machines.others:
            self._call.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._machines.others:
            self._call.__exit__()

    def meet(self, signals: Signals) -> None:
        """Returns when all are there, or a signal came. Raises UserError where one does not come."""
        began = time.monotonic()
        while missing := [rank for rank in self._machines.others if self._call.hear(rank) is None]:
            if signals.received:
                return
            if time.monotonic() - began > MEET_SECONDS:
                raise UserError(
                    f"machine {missing[0]} of {self._machines.count} did not come in {MEET_SECONDS / 60:.0f} minutes",
                    "the same command on each machine, with its own --machine-rank, on one shared run folder",
                    "look at its log; then run again on all",
                )
            time.sleep(0.1)

    def start(self, work: Path) -> None:
        """Tells them to take their part of this work."""
        if self._machines.others:
            self._number += 1
            self._failed_since = None
            self._call.say("work", {"number": self._number, "path": str(work)})

    def rest(self) -> None:
        """Tells them that this work is over."""
        if self._machines.others:
            self._call.say("work", None)

    def end(self, code: int) -> None:
        """Tells them that the run ended, and how."""
        if self._machines.others:
            self._call.say("ended", code)

    def one_left(self) -> bool:
        """Whether one was asked to stop while it had no work."""
        return any((self._call.hear(rank) or {}).get("left") for rank in self._machines.others)

    def check(self) -> None:
        """Call while a stage is at work, as often as you like. Raises UserError where another's part of it is gone for
        good."""
        if time.monotonic() - self._listened < LISTEN_SECONDS:
            return
        self._listened = time.monotonic()
        for rank in self._machines.others:
            said = self._call.hear(rank)
            if self._call.lost(rank):
                raise UserError(f"machine {rank} is gone: it has said nothing for minutes", fix="run again on all")
            if said is not None and said.get("failed") == self._number:
                self._failed_since = self._failed_since or time.monotonic()
                if time.monotonic() - self._failed_since > FAILED_SECONDS:
                    raise UserError(
                        f"machine {rank} failed in its part", fix=f"see log-{rank}.txt in the stage's folder"
                    )
