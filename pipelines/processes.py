"""Several processes that train together: which one this is, and how they decide as one.

The launcher (torch.distributed.run, accelerate) tells by the environment's RANK and WORLD_SIZE.
"""

import os
from datetime import timedelta
from typing import Any, TypeVar

Told = TypeVar("Told")


def rank() -> int:
    """This process's number, from 0."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def begin(meet: bool) -> None:
    """Takes this process's own GPU. meet: also lets the processes tell each other values, over gloo, as often as they
    like and however long one waits for another; what trains does so itself.
    """
    if count() == 1:
        return
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    if meet:
        torch.distributed.init_process_group("gloo", timeout=timedelta(days=7))


def is_first() -> bool:
    """Whether this is the process that writes what all share."""
    return rank() == 0


def first_says(value: Told) -> Told:
    """What the first process gave, in every process. All must call it, in a place that all reach together.

    Clocks and signals differ between processes; a decision that each took alone would leave one waiting for the other.
    """
    if count() == 1:
        return value
    import torch

    told = [value]
    torch.distributed.broadcast_object_list(told)
    return told[0]


def all_say(value: Told) -> list[Told]:
    """What each process gave, in their order, in every process. All must call it, as for `first_says`."""
    if count() == 1:
        return [value]
    import torch

    told: list[Any] = [None] * count()
    torch.distributed.all_gather_object(told, value)
    return told


def wait_for_all() -> None:
    """Returns when every process has come here."""
    if count() > 1:
        import torch

        torch.distributed.barrier()
