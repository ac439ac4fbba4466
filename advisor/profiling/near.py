"""Rows of the sample that ask nearly the same: exact Jaccard over runs of five words, found by prefix filtering. Pure.

The threshold and the method are those of the leak check (pipelines/data/checks/leaks.py). Short prompts are the same where
they differ in case, spaces and punctuation alone.
"""

from collections import defaultdict
from collections.abc import Sequence

from pipelines.data.checks.leaks import alike, bare_text, first_runs, runs_of
from pipelines.data.rows import Row

_MOST_PER_RUN = 50
"""A run that more prompts begin with is a template's: they are compared by their other runs."""


def near_duplicates(rows: Sequence[Row]) -> list[Row]:
    """Rows whose prompt is nearly an earlier one's, but not the same text."""
    texts = [row.prompt for row in rows]
    exact: set[str] = set()
    bare: dict[str, int] = {}
    places: dict[int, list[int]] = defaultdict(list)
    kept: dict[int, frozenset[int]] = {}
    found = []
    for place, text in enumerate(texts):
        if text in exact or not text.strip():
            continue
        exact.add(text)
        key = bare_text(text)
        runs = runs_of(text)
        if key in bare or _like_an_earlier(runs, places, kept):
            found.append(rows[place])
        bare.setdefault(key, place)
        kept[place] = runs
        for run in first_runs(runs):
            if len(places[run]) < _MOST_PER_RUN:
                places[run].append(place)
    return found


def _like_an_earlier(runs: frozenset[int], places: dict[int, list[int]], kept: dict[int, frozenset[int]]) -> bool:
    near = {place for run in first_runs(runs) for place in places.get(run, ())}
    return any(alike(runs, kept[place]) for place in near)
