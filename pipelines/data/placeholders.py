"""Prompts with numbered places that another column fills, as in mawps: "number0 cups" with `Numbers` "8.0 2.0".

A place is a word with an index: number0, NUM_1, N2. The filling column is the one whose list of values has as many
entries as the prompt has places, in nearly every row.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.data.rows import Message, Row
from pipelines.data.text import parse_json

_PLACE = re.compile(r"(?<![A-Za-z0-9_])\[?([A-Za-z]+_?)(\d+)\]?(?![A-Za-z0-9_])")
_COVERED = 0.95
_EXACT = 0.8
_ROWS_WITH_PLACES = 0.5
_WHOLE = re.compile(r"(-?\d+)\.0+")


@dataclass(frozen=True, slots=True)
class Filling:
    """stem: the places' word. column: where the values stand. first: the lowest index, 0 or 1."""

    stem: str
    column: str
    first: int


def fill_placeholders(rows: tuple[Row, ...]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Rows with their places filled, and a note with an example; the same rows and no note where there are none."""
    found = find_filling(rows)
    if found is None:
        return rows, ()
    filled = tuple(_filled(row, found) for row in rows)
    example = next(pair for pair in zip(rows, filled, strict=True) if pair[0].prompt != pair[1].prompt)
    note = (
        f"placeholders {found.stem}{found.first}, {found.stem}{found.first + 1} ... are filled from "
        f'column "{found.column}": "{_cut(example[0].prompt)}" became "{_cut(example[1].prompt)}"'
    )
    left = sum(bool(_indices(row.prompt, found.stem)) for row in filled)
    return filled, (note, *([f"placeholders without a value were left: {left} rows"] if left else []))


def find_filling(rows: Sequence[Row]) -> Filling | None:
    """None unless most prompts hold places of one stem and some column has just the values for them."""
    stems = Counter(stem for row in rows for stem in {match[1] for match in _PLACE.finditer(row.prompt)})
    for stem, count in stems.most_common(3):
        if count < _ROWS_WITH_PLACES * len(rows):
            return None
        if column := _column_for(stem, rows):
            return column
    return None


def _column_for(stem: str, rows: Sequence[Row]) -> Filling | None:
    placed = [(row, _indices(row.prompt, stem)) for row in rows]
    placed = [(row, indices) for row, indices in placed if indices]
    first = min(min(indices) for _, indices in placed)
    if first > 1:
        return None
    needs = [(row, max(indices) + 1 - first) for row, indices in placed]
    if sum(need > 1 for _, need in needs) < _ROWS_WITH_PLACES * len(needs):
        return None  # "step1" alone is a word
    for column in dict.fromkeys(name for row, _ in needs for name in row.columns):
        counts = [(len(_values(row.columns.get(column), stem)), need) for row, need in needs]
        covered = sum(have >= need for have, need in counts)
        exact = sum(have == need for have, need in counts)
        if covered >= _COVERED * len(needs) and exact >= _EXACT * len(needs):
            return Filling(stem, column, first)
    return None


def _indices(text: str, stem: str) -> list[int]:
    return [int(match[2]) for match in _PLACE.finditer(text) if match[1] == stem]


def _values(cell: Any, stem: str) -> list[str]:
    """The cell's entries; none where the cell itself holds places, such as an equation over them."""
    if isinstance(cell, str):
        if _indices(cell, stem):
            return []
        cell = _json_list(cell) or [part for part in re.split(r"[,;\s]+", cell.strip()) if part]
    return [_shown(value) for value in cell] if isinstance(cell, list) else []


def _json_list(text: str) -> list[Any] | None:
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def _shown(value: object) -> str:
    """8.0 → 8."""
    whole = _WHOLE.fullmatch(str(value))
    return whole[1] if whole else str(value)


def _filled(row: Row, found: Filling) -> Row:
    values = _values(row.columns.get(found.column), found.stem)

    def fill(text: str) -> str:
        def value(match: re.Match[str]) -> str:
            place = int(match[2]) - found.first
            return values[place] if match[1] == found.stem and place < len(values) else match[0]

        return _PLACE.sub(value, text)

    reference = fill(row.reference) if isinstance(row.reference, str) else row.reference
    completion = None if row.completion is None else fill(row.completion)
    return replace(row, messages=_filled_turns(row.messages, fill), completion=completion, reference=reference)


def _filled_turns(messages: tuple[Message, ...], fill: Callable[[str], str]) -> tuple[Message, ...]:
    return tuple({**message, "content": fill(str(message["content"]))} for message in messages)


def _cut(text: str, length: int = 70) -> str:
    return text if len(text) <= length else text[:length].rstrip() + " ..."
