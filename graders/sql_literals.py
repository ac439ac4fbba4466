"""Values around the constants of a query's filters, put into rows on which only that filter decides.

In: a changed copy of the database, and the filters that graders/sql_filters.py read from the reference. A query whose
filter draws the line elsewhere (> for >=, 30 for 25, LIKE for =, none at all) then gets other rows than the reference.
Loaded by graders/sql_worker.py, which runs without the package's libraries: standard library only.
"""

import contextlib
import random
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from graders.sql_tables import Column, Table, Value, quoted

_SEEDED = 3  # rows, joined as in the query, that are made to pass all its filters
_LIMIT = 60  # rows looked at for one filter
_YEAR = re.compile(r"[12]\d{3}$")


def put_literals(
    connection: sqlite3.Connection, tables: Sequence[Table], blocks: Sequence[Mapping[str, Any]], seed: int
) -> None:
    """Alters rows for each SELECT block of the reference. What sqlite cannot run is left out: it decides no grade."""
    chance = random.Random(seed)
    by_name = {table.name.lower(): table for table in tables}
    for block in blocks:
        _seed(connection, by_name, block, chance)
        for probe in block["probes"]:
            _vary(connection, by_name, probe, chance, seed - 1)


def _seed(
    connection: sqlite3.Connection, tables: Mapping[str, Table], block: Mapping[str, Any], chance: random.Random
) -> None:
    joined = _rows(connection, block["joined"])
    first = {(probe["slot"], probe["column"]): probe for probe in reversed(block["probes"])}.values()
    for row in chance.sample(joined, min(_SEEDED, len(joined))):
        for probe in first:
            column = _column(tables, probe)
            constants = _constants(connection, probe) if column else []
            if column and constants and constants[0] is not None:
                value = _passing(constants[0], probe["operator"], column)
                _set(connection, probe, column, row[probe["slot"]], value)


def _vary(
    connection: sqlite3.Connection,
    tables: Mapping[str, Table],
    probe: Mapping[str, Any],
    chance: random.Random,
    turn: int,
) -> None:
    """Gives rows that pass all other filters the values around this one's constants; a third stays as it is."""
    column = _column(tables, probe)
    if column is None:
        return
    values = [
        near for constant in _constants(connection, probe) for near in neighbours(constant, probe["operator"], column)
    ]
    rows = [row[0] for row in _rows(connection, probe["others"])]
    chance.shuffle(rows)
    rows = rows[: max(1, 2 * len(rows) // 3)]
    start = turn * len(rows)
    for place, rowid in enumerate(rows[: len(values)]):
        _set(connection, probe, column, rowid, values[(start + place) % len(values)])


def _column(tables: Mapping[str, Table], probe: Mapping[str, Any]) -> Column | None:
    """The column that a filter reads; None where it is a link between tables or not there."""
    table = tables.get(probe["table"].lower())
    named = [c for c in table.columns if c.name.lower() == probe["column"].lower()] if table else []
    return named[0] if named and not named[0].link else None


def _constants(connection: sqlite3.Connection, probe: Mapping[str, Any]) -> list[Value]:
    """The values; NULL only of IS NULL and IS NOT NULL, which say that the column may hold it."""
    if probe["operator"] == "null":
        return [None]
    found = (_rows(connection, f"SELECT {constant}") for constant in probe["constants"])
    return [rows[0][0] for rows in found if rows and isinstance(rows[0][0], int | float | str)]


def _rows(connection: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    with contextlib.suppress(sqlite3.Error):
        return list(dict.fromkeys(connection.execute(f"{query} LIMIT {_LIMIT}").fetchall()))
    return []


def _set(connection: sqlite3.Connection, probe: Mapping[str, Any], column: Column, rowid: int, value: Value) -> None:
    table, name = quoted(probe["table"]), quoted(column.name)
    with contextlib.suppress(sqlite3.Error):
        if column.unique and connection.execute(f"SELECT 1 FROM {table} WHERE {name} = ?", (value,)).fetchone():
            return
        connection.execute(f"UPDATE OR IGNORE {table} SET {name} = ? WHERE _rowid_ = ?", (value, rowid))


def _passing(constant: Value, operator: str, column: Column) -> Value:
    """A value that passes a filter of that kind."""
    step = {"gt": 1, "neq": 1, "lt": -1}.get(operator, 0)
    if isinstance(constant, str):
        return _as_date(constant, column)[step] if column.kind in ("date", "time") else _worn(constant, "")
    return constant + step if isinstance(constant, int | float) else constant


def neighbours(constant: Value, operator: str, column: Column) -> list[Value]:
    """The constant and values close to it on both sides, as the column writes them."""
    if constant is None:
        return [None, None]
    if isinstance(constant, str) and column.kind in ("integer", "real"):
        with contextlib.suppress(ValueError):
            constant = float(constant) if "." in constant else int(constant)
    if isinstance(constant, str):
        if column.kind in ("date", "time"):
            return [*_as_date(constant, column)]
        return _near_text(constant, like=operator == "like")
    if isinstance(constant, int | float):
        near: list[Value] = [constant, constant + 1, constant - 1]
        if isinstance(constant, float) or column.kind == "real":
            near += [round(constant * 0.97, 4), round(constant * 1.03, 4)]
        return [*near, type(constant)(constant * 0.7), type(constant)(constant * 1.4)]
    return []


def _near_text(constant: str, like: bool) -> list[Value]:
    """Of a pattern: what it finds at either end of a text; then texts that begin or end alike but are others."""
    bare = _worn(constant, "")
    near: list[Value] = [bare]
    if like:
        near += [_worn(constant, "x "), f"{bare} x", f"x {bare}"]
    half = (len(bare) + 1) // 2
    return [*near, f"{bare[:-1]}q", f"{bare[:half]}q", f"q{bare[half:]}"]


def _worn(pattern: str, filling: str) -> str:
    """A text that a LIKE pattern finds."""
    return pattern.replace("%", filling).replace("_", "_")


def _as_date(constant: str, column: Column) -> list[str]:
    """The date, the next, others around it, and last the one before it; of a year: its ends and those next to it."""
    if _YEAR.match(constant):
        year = int(constant)
        dates = [datetime(year, 1, 1), datetime(year + 1, 1, 1), datetime(year, 12, 31), datetime(year - 1, 12, 31)]
    else:
        try:
            moment = datetime.fromisoformat(constant)
        except ValueError:
            return [constant, constant]
        steps = [timedelta(0), timedelta(days=1), timedelta(days=200), timedelta(days=-200), timedelta(days=-1)]
        if column.kind == "time":
            steps[2:2] = [timedelta(seconds=-1), timedelta(hours=23, minutes=59)]
        dates = [moment + step for step in steps]
    shape = _shape(column)
    return [date.strftime(shape) for date in dates]


def _shape(column: Column) -> str:
    if column.kind == "date":
        return "%Y-%m-%d"
    sample = next((value for value in column.values if isinstance(value, str)), "2024-01-01 00:00:00")
    seconds = ":%S" if sample.count(":") > 1 else ""
    return f"%Y-%m-%d{sample[10]}%H:%M{seconds}" if len(sample) > 10 else "%Y-%m-%d"
