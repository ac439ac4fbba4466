"""An end to calls of a grading function that take all their time, one after another.

When five calls in a row have not ended in time, the rest of the batch is not run: a function that loops costs minutes,
not the night. The next batch runs calls again, and gives up at the first that does not end (see graders/llm/streak.py).
In: calls that give an Outcome. Out: their outcomes; "timed_out" for what was not run.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from graders.llm.streak import MAX_FAILURES_IN_A_ROW, Streak
from graders.sandbox.jobs import Outcome


@dataclass(frozen=True, slots=True)
class Patience:
    """With one function, given as its source or its file and name. Calls may run side by side."""

    streak: Streak = field(default_factory=Streak)

    def next_batch(self) -> None:
        """Calls are made again."""
        self.streak.failures = min(self.streak.failures, MAX_FAILURES_IN_A_ROW - 1)

    def outcome(self, call: Callable[[], Outcome]) -> Outcome:
        """What the call gives, or that it was not made."""
        if self.streak.down:
            return Outcome("timed_out", error="not run, as calls before it did not end in time, one after another")
        outcome = call()
        if outcome.ended == "timed_out":
            self.streak.failed(outcome.error)
        else:
            self.streak.succeeded()
        return outcome


_with: dict[str, Patience] = {}


def patience_with(function: str) -> Patience:
    """That of this process with a function, ready for a batch."""
    patience = _with.setdefault(function, Patience())
    patience.next_batch()
    return patience
