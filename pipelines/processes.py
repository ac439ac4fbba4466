"""Several processes that train together: which one this is, and how they decide as one.

The launcher (torch.distributed.run, accelerate) tells by the environment's RANK and WORLD_SIZE.
"""

import os
from typing import TypeVar

Told = TypeVar("Told")


def rank() -> int:
    """This process's number, from 0."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


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


def wait_for_all() -> None:
    """Returns when every process has come here."""
    if count() > 1:
        import torch

        torch.distributed.barrier()
