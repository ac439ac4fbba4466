"""A data file as read, before anyone knows what its columns mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graders.errors import UserError, nearest

Cells = Mapping[str, Any]
"""column → value of one row. CSV and TSV give text only; a JSON row may lack columns that others have."""


@dataclass(frozen=True, slots=True)
class Table:
    """columns: in the order in which they first appear. rows: (number, cells); `Row.number` says what it counts."""

    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Cells], ...]
    notes: tuple[str, ...] = ()

    def values(self, column: str) -> list[Any]:
        """The column's values that are there: no null, no empty text."""
        found = (cells.get(column) for _, cells in self.rows)
        return [value for value in found if value is not None and value != ""]


def make_table(source: str, rows: Iterable[tuple[int, Cells]], notes: tuple[str, ...] = ()) -> Table:
    """Raises UserError when there is no row."""
    kept = tuple(rows)
    if not kept:
        raise UserError("no rows", "at least one row of data", "check that this is the right file", source)
    return Table(source, tuple(dict.fromkeys(name for _, cells in kept for name in cells)), kept, notes)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'did you mean "answer"?' or nothing."""
    near = nearest(word, known)
    return f'did you mean "{near}"?' if near else ""


def listed(names: Iterable[object], limit: int = 20) -> str:
    """ "a, b, c", cut after `limit` with the number left out."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
