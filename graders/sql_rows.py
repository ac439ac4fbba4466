"""Whether two answers of a database are the same: as bags of rows, or in order where the order was asked for.

Names and order of columns do not count where the values agree. Numbers agree within 1e-6 of their size (whole numbers
exactly), a text that is a plain number agrees with that number, and NULL agrees with NULL.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

Cell = str | int | float | None
Row = tuple[Cell, ...]

REL_TOLERANCE = 1e-6
_MAX_TRIES = 24  # arrangements of columns that hold the same values
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?\Z")


def same_rows(rows: Sequence[Row], expected: Sequence[Row], cuts: Sequence[int] | None = None) -> bool:
    """Whether the rows are the expected ones, in some order of columns.

    cuts: the places of `expected` across which no row may move (all places: an exact order); None: any order.
    """
    if not rows or len(rows) != len(expected) or len(rows[0]) != len(expected[0]):
        return len(rows) == len(expected) == 0
    given, wanted = [_plain(row) for row in rows], [_plain(row) for row in expected]
    blocks = _blocks(len(rows), cuts)
    bags = [Counter(_keys(wanted[start:end])) for start, end in blocks]
    keys = _keys(given)
    fractions = any(isinstance(cell, float) for row in (*given, *wanted) for cell in row)
    for tries, order in enumerate(_arrangements(given, wanted)):
        if tries == _MAX_TRIES:
            return False
        arranged = _arranged(keys, order)
        if all(Counter(arranged[start:end]) == bag for (start, end), bag in zip(blocks, bags, strict=True)):
            return True
        if fractions and _close(_arranged(given, order), wanted, blocks):
            return True
    return False


def order_cuts(low: Sequence[Row], high: Sequence[Row]) -> list[int]:
    """Where an order is firm, given the rows with ties broken one way and the other.

    Between two cuts stand rows that tie; their order among themselves says nothing.
    """
    balance: Counter[Row] = Counter()
    cuts = []
    open_rows = 0
    for place, (one, other) in enumerate(zip(low, high, strict=True)):
        for row, step in ((one, 1), (other, -1)):
            key = tuple(map(_key, row))
            open_rows -= abs(balance[key])
            balance[key] += step
            open_rows += abs(balance[key])
        if open_rows == 0:
            cuts.append(place + 1)
    return cuts


def _blocks(count: int, cuts: Sequence[int] | None) -> list[tuple[int, int]]:
    if cuts is None:
        return [(0, count)]
    ends = sorted({*(cut for cut in cuts if 0 < cut < count), count})
    return list(zip([0, *ends], ends, strict=False))


def _plain(row: Row) -> Row:
    return tuple(_as_number(cell) if isinstance(cell, str) else cell for cell in row)


def _as_number(text: str) -> Cell:
    if not _PLAIN_NUMBER.match(text):
        return text
    return float(text) if "." in text else int(text)


def _arrangements(given: Sequence[Row], wanted: Sequence[Row]) -> Iterator[tuple[int, ...]]:
    """Orders of the given columns in which each holds the values of the wanted one; as they stand first."""
    columns, targets = _sorted_columns(given), _sorted_columns(wanted)
    fits = [[place for place, column in enumerate(columns) if _alike(column, target)] for target in targets]
    if any(count > len(fit) for fit, count in Counter(map(tuple, fits)).items()):
        return
    if all(place in fit for place, fit in enumerate(fits)):
        yield tuple(range(len(fits)))
    yield from _chosen(fits, (), frozenset())


_Column = tuple[list[Cell], list[Cell], bool]


def _sorted_columns(rows: Sequence[Row]) -> list[_Column]:
    """Of each column its sorted cells, the same as keys, and whether fractions are among them."""
    columns = [sorted(column, key=_sort_key) for column in zip(*rows, strict=True)]
    return [(cells, [_key(cell) for cell in cells], any(isinstance(c, float) for c in cells)) for cells in columns]


def _alike(one: _Column, other: _Column) -> bool:
    return one[1] == other[1] or ((one[2] or other[2]) and _agree(one[0], other[0]))


def _chosen(fits: list[list[int]], taken: tuple[int, ...], used: frozenset[int]) -> Iterator[tuple[int, ...]]:
    if len(taken) == len(fits):
        yield taken
        return
    for place in fits[len(taken)]:
        if place not in used:
            yield from _chosen(fits, (*taken, place), used | {place})


def _arranged(rows: Sequence[Row], order: Sequence[int]) -> list[Row]:
    return [tuple([row[place] for place in order]) for row in rows]


def _keys(rows: Sequence[Row]) -> list[Row]:
    return [tuple(map(_key, row)) for row in rows]


def _close(rows: Sequence[Row], wanted: Sequence[Row], blocks: Sequence[tuple[int, int]]) -> bool:
    """Whether the rows of each block agree pair by pair when sorted: for differences beyond the last digits."""
    for start, end in blocks:
        pairs = zip(sorted(rows[start:end], key=_row_key), sorted(wanted[start:end], key=_row_key), strict=True)
        if not all(_agree(row, other) for row, other in pairs):
            return False
    return True


def _agree(cells: Sequence[Cell], others: Sequence[Cell]) -> bool:
    return all(map(_cells_agree, cells, others))


def _cells_agree(one: Cell, other: Cell) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return (
            isinstance(one, int | float)
            and isinstance(other, int | float)
            and (one == other or math.isclose(one, other, rel_tol=REL_TOLERANCE, abs_tol=1e-9))
        )
    return one == other


def _key(cell: Cell) -> Cell:
    """Equal for cells that agree but for noise of the last digits: the common case, compared by hash."""
    if isinstance(cell, float) and math.isfinite(cell):
        return int(cell) if cell.is_integer() else float(f"{cell:.11g}")
    return cell


def _sort_key(cell: Cell) -> tuple[int, float, str]:
    if cell is None:
        return 0, 0.0, ""
    return (2, 0.0, cell) if isinstance(cell, str) else (1, cell, "")


def _row_key(row: Row) -> tuple[list[tuple[int, float, str]], list[tuple[int, float, str]]]:
    """Whole numbers and texts decide first, so that noise in a fraction does not part rows that agree."""
    exact = [_sort_key(None if isinstance(cell, float) else cell) for cell in row]
    return exact, [_sort_key(cell) for cell in row]
