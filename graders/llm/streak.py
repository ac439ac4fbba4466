"""Many calls at once within a limit, and an end to them when the server is down.

When five calls in a row have failed, each after all its tries, the rest of the batch is not made: a server that is down
costs minutes, not the night. The next batch makes calls again, and gives up at the first that fails.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

MAX_FAILURES_IN_A_ROW = 5

T = TypeVar("T")


@dataclass(slots=True)
class Streak:
    """How many calls to one server have failed in a row, and what the last one said."""

    failures: int = 0
    said: str = ""

    @property
    def down(self) -> bool:
        return self.failures >= MAX_FAILURES_IN_A_ROW

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self, said: str, hopeless: bool = False) -> None:
        """hopeless: no other call can succeed either, such as with a wrong key."""
        self.failures = MAX_FAILURES_IN_A_ROW if hopeless else self.failures + 1
        self.said = said

    def why_not_asked(self) -> str:
        return f"not asked, as the server had failed before: {self.said}"


async def in_batch(calls: Sequence[Callable[[], Coroutine[Any, Any, T]]], limit: int, streak: Streak) -> list[T | None]:
    """The result of each call, in order; None where the streak ended the batch first. The calls tell the streak."""
    streak.failures = min(streak.failures, MAX_FAILURES_IN_A_ROW - 1)
    places = asyncio.Semaphore(limit)

    async def one(call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with places:
            result = await call()
        if streak.down:
            for task in tasks:
                if task is not asyncio.current_task():
                    task.cancel()
        return result

    tasks = [asyncio.create_task(one(call)) for call in calls]
    try:
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for task in tasks:
            task.cancel()
    return [None if task.cancelled() else task.result() for task in tasks]
