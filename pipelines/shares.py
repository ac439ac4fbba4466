"""Work on many items, shared by the processes that answer and grade together: each does every count-th item, and all
get all results, in order. So a stage that shares its work goes on the same in every process; the first alone writes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pipelines import processes

Item = TypeVar("Item")
Result = TypeVar("Result")


def shared(items: Sequence[Item], do: Callable[[list[Item]], list[Result]]) -> list[Result]:
    """One result an item. All processes must call it with the same items, in the same order of calls."""
    rank, count = processes.rank(), processes.count()
    told = processes.all_say(do(list(items[rank::count])))
    return [told[place % count][place // count] for place in range(len(items))]


def own_path(path: Path) -> Path:
    """Where this process keeps its share of what one process would keep in `path`."""
    return path if processes.is_first() else path.with_stem(f"{path.stem}.{processes.rank()}")
