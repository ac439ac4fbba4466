"""The order of rows in which micro-batches pad little, though each optimizer step learns from the rows it would anyhow.

In: the rows' lengths, how many an optimizer step takes, how many are learned from in all. Out: row numbers, to be read
one after another. Sorting whole data sets by length (`group_by_length`) would make steps of long rows alone.
"""

import random
from collections.abc import Sequence


def within_steps(lengths: Sequence[int], per_step: int, total: int, seed: int) -> list[int]:
    """Passes over all rows, each in a random order of its own; the rows of one step stand from long to short.

    lengths: in tokens, of each row. total: rows in all passes together.
    """
    chance, drawn = random.Random(seed), list[int]()
    while len(drawn) < total:
        drawn += chance.sample(range(len(lengths)), len(lengths))
    steps = [drawn[start : min(start + per_step, total)] for start in range(0, total, per_step)]
    return [row for step in steps for row in sorted(step, key=lambda row: -lengths[row])]
