"""Rows of the sample that ask nearly the same: exact Jaccard over runs of five words, by prefix filtering. Pure.

The threshold and the method are those of the leak check (pipelines/data/checks/leaks.py), but that the rarest runs
come first (Bayardo et al. 2007), so that prompts made from one template are not all compared. Short prompts are the
same where they differ in case, spaces and punctuation alone.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain

from pipelines.data.checks.leaks import NEAR, alike, bare_text, num_first, runs_of
from pipelines.data.rows import Row

_MOST_PER_RUN = 50
"""A run that stands in more prompts is a template's: later ones are compared by their other runs."""


def near_duplicates(rows: Sequence[Row]) -> list[Row]:
    """Rows whose prompt is nearly an earlier one's, but not the same text."""
    different = list({row.prompt: row for row in reversed(rows) if row.prompt.strip()}.values())[::-1]
    runs = [runs_of(row.prompt) for row in different]
    frequency = Counter(chain.from_iterable(runs))
    bare: set[str] = set()
    kept: dict[int, list[int]] = defaultdict(list)
    found = []
    for place, row in enumerate(different):
        first = _first(runs[place], frequency)
        earlier = {other for run in first for other in kept[run]}
        key = bare_text(row.prompt)
        if key in bare or any(_alike(runs[place], runs[other]) for other in earlier):
            found.append(row)
        bare.add(key)
        for run in first:
            if len(kept[run]) < _MOST_PER_RUN:
                kept[run].append(place)
    return found


def _first(runs: frozenset[int], frequency: Counter[int]) -> list[int]:
    """The rarest runs, in an order that all prompts share, less those of this prompt alone, which match nothing."""
    shared = [run for run in runs if frequency[run] > 1]
    left = num_first(len(runs)) - (len(runs) - len(shared))
    return sorted(shared, key=lambda run: (frequency[run], run))[:left] if left > 0 else []


def _alike(one: frozenset[int], other: frozenset[int]) -> bool:
    """Sets of too different size are told apart by that alone."""
    return NEAR * len(one) <= len(other) <= len(one) / NEAR and alike(one, other)
