"""Rows of the sample that ask nearly the same: exact Jaccard over runs of five words, by prefix filtering. Pure.

The threshold and the method are those of the leak check (pipelines/data/checks/leaks.py), but that the rarest runs come
first (Bayardo et al. 2007), so that prompts made from one template are not all compared. Short prompts are the same where
they differ in case, spaces and punctuation alone.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from pipelines.data.checks.leaks import NEAR, alike, bare_text, num_first, runs_of
from pipelines.data.rows import Row

_MOST_PER_RUN = 50
"""A run that stands in more prompts is a template's: later ones are compared by their other runs."""


def near_duplicates(rows: Sequence[Row]) -> list[Row]:
    """Rows whose prompt is nearly an earlier one's, but not the same text."""
    different = list({row.prompt: row for row in reversed(rows) if row.prompt.strip()}.values())[::-1]
    runs = [runs_of(row.prompt) for row in different]
    frequency = Counter(run for each in runs for run in each)
    shared = [sorted((run for run in each if frequency[run] > 1), key=lambda run: (frequency[run], run)) for each in runs]
    bare: set[str] = set()
    kept: dict[int, list[int]] = defaultdict(list)
    found = []
    for place, row in enumerate(different):
        # Runs of this prompt alone come first in the order, and match nothing.
        first = shared[place][: max(0, num_first(len(runs[place])) - (len(runs[place]) - len(shared[place])))]
        earlier = {other for run in first for other in kept[run]}
        key = bare_text(row.prompt)
        if key in bare or any(_alike(runs[place], runs[other]) for other in earlier):
            found.append(row)
        bare.add(key)
        for run in first:
            if len(kept[run]) < _MOST_PER_RUN:
                kept[run].append(place)
    return found


def _alike(one: frozenset[int], other: frozenset[int]) -> bool:
    """Sets of too different size are told apart by that alone."""
    return NEAR * len(one) <= len(other) <= len(one) / NEAR and alike(one, other)
