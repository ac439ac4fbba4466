"""A seeded sample of a file's rows, for what needs Python: 20,000 rows, the same every time.

In: a Source. Out: a Table whose numbers are places from 0, in the file's order. One pass over the file, in which DuckDB
finds where rows end. A row is drawn by the hash of its place: neither its text nor the file's order has a say.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from advisor.profiling.database import Database
from advisor.profiling.source import Source, records
from graders.errors import UserError
from pipelines.data.read_arrow import plain_value
from pipelines.data.table import Cells, Table, make_table
from pipelines.data.text import parse_json

MOST = 20_000
SEED = 17
_SPARE = 2  # as many again are drawn, since the number of rows is an estimate
_RANGE = 1 << 20
_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """table: the drawn rows that can be read. prefix: where in a JSON row they lie ("/item" in OpenAI's evals)."""

    table: Table
    prefix: str = ""


def draw_sample(source: Source, database: Database) -> Sample:
    """Raises UserError where no row of the sample can be read."""
    drawn = _drawn(source, database)
    if not drawn:
        raise UserError("no rows", "at least one row of data", "check that this is the right file", source.name)
    rows = [(place, cells) for place, cells in drawn if cells]
    if not rows:
        raise UserError(
            "no row is a JSON object",
            'one JSON object a line, such as {"prompt": "...", "completion": "..."}',
            "check that this is the right file",
            source.name,
        )
    wrapped = all(set(cells) == {"item"} and isinstance(cells["item"], dict) for _, cells in rows)
    if wrapped:
        rows = [(place, cells["item"]) for place, cells in rows]
    return Sample(make_table(source.name, rows), "/item" if wrapped else "")


def _drawn(source: Source, database: Database) -> list[tuple[int, Cells | None]]:
    """(place, cells) of the sample; None where the row cannot be read."""
    share = min(1.0, _SPARE * MOST / max(1, _guessed_rows(source, database)))
    found = _draw(source, database, share)
    if len(found) < MOST and share < 1:
        counted = database.one(f"SELECT count(*) FROM ({records(source)})")[0]
        found = _draw(source, database, min(1.0, _SPARE * MOST / counted))
    return [(place, _cells(source, values)) for place, *values in sorted(found, key=lambda row: row[0])]


def _draw(source: Source, database: Database, share: float) -> list[tuple[Any, ...]]:
    numbered = f"SELECT row_number() OVER () - 1 AS place, * FROM ({records(source)})"
    order = f"hash(place + {SEED}) % {_RANGE}"
    sql = f"SELECT * FROM ({numbered}) WHERE {order} < {math.ceil(share * _RANGE)} ORDER BY {order}, place LIMIT {MOST}"
    return database.all(sql)


def _guessed_rows(source: Source, database: Database) -> int:
    """From the file's size and the length of its first rows; counted where that is cheap or the size is not known."""
    if source.format == "parquet" or source.gzipped:
        return int(database.one(f"SELECT count(*) FROM ({records(source)})")[0])
    with source.path.open("rb") as file:
        lengths = [len(line) for line in islice(file, _LOOKED_AT)]
    return round(source.path.stat().st_size / statistics.mean(lengths)) if lengths else 0


def _cells(source: Source, values: Sequence[Any]) -> Cells | None:
    if source.format != "lines":
        empty = "" if source.format == "csv" else None
        plain = (empty if value is None else plain_value(value) for value in values)
        return dict(zip(source.columns, plain, strict=True))
    try:
        value = parse_json(values[0] or "", lambda _: None)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
