"""A changed copy of a database: rows deleted, added and altered, so that queries which only happen to agree part ways.

What the data shows to be so stays so: each link still finds its row, values that are unique stay unique, no NULL
appears where there was none, a category gets no new member. Small tables grow to about sixteen rows, empty ones get
made-up rows. The same database and seed give the same copy.
Idea: test suites of databases (Zhong et al. 2020, arXiv:2010.02840).
Loaded by graders/sql_worker.py, which runs without the package's libraries: standard library only.
"""

import contextlib
import random
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from graders.sql_tables import Column, Table, Value, quoted, read_tables

_MOVED, _ALTERED, _DELETED, _ADDED = 0.4, 0.3, 0.15, 0.2  # shares of rows
_GROW_TO = 16
_MAX_ADDED = 200


def perturb(connection: sqlite3.Connection, seed: int) -> None:
    """Changes the tables of an open, writable database in place. Raises sqlite3.Error."""
    chance = random.Random(seed)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {quoted(trigger)}")
    tables = read_tables(connection)
    connection.execute("BEGIN")
    for table in tables:
        _alter(connection, table, chance)
        _delete(connection, table, tables, chance)
        _add(connection, table, chance)
    connection.execute("COMMIT")


def _alter(connection: sqlite3.Connection, table: Table, chance: random.Random) -> None:
    """Values change places between rows; some become values near them. A link points at another row that had one."""
    for column in table.columns:
        if column.primary or (column.key and column.unique):
            continue
        values = list(column.values)
        moved = [place for place in range(len(values)) if chance.random() < _MOVED]
        targets = chance.sample(moved, len(moved))
        for source, target in zip(moved, targets, strict=True):
            values[target] = column.values[source]
        for place, value in enumerate(values):
            if chance.random() < _ALTERED:
                values[place] = chance.choice(values) if column.key else _other(value, column, values, chance)
        changed = [
            (value, rowid)
            for value, old, rowid in zip(values, column.values, table.rowids, strict=True)
            if value != old
        ]
        # Unique values that change places collide on their way; such a row keeps its own.
        with contextlib.suppress(sqlite3.IntegrityError):
            connection.executemany(
                f"UPDATE OR IGNORE {quoted(table.name)} SET {quoted(column.name)} = ? WHERE _rowid_ = ?", changed
            )
        column.values = values


def _other(value: Value, column: Column, values: Sequence[Value], chance: random.Random) -> Value:
    """Another value for a cell: one of its column, or one near it where the column holds no categories."""
    if column.unique:
        near = _near(value, column, chance)
        return near if near not in values else value
    if column.categorical or column.kind == "text" or value is None:
        return chance.choice(values)
    return _near(value, column, chance)


def _near(value: Value, column: Column, chance: random.Random) -> Value:
    if isinstance(value, int):
        floor = (
            0
            if all(isinstance(other, int) and other >= 0 for other in column.values if other is not None)
            else value - 9
        )
        return max(floor, value + chance.choice((-1, 1)) * chance.randint(1, max(1, abs(value) // 8)))
    if isinstance(value, float):
        return round(value * chance.uniform(0.85, 1.15), 2 if abs(value) > 1 else 4)
    if isinstance(value, str) and column.kind in ("date", "time"):
        return _shifted(value, chance.choice((-9, -2, -1, 1, 2, 9)))
    return value


def _shifted(date: str, days: int) -> str:
    """A date, with its time if it has one, so many days later."""
    try:
        return (datetime.fromisoformat(date[:10]) + timedelta(days=days)).strftime("%Y-%m-%d") + date[10:]
    except (ValueError, OverflowError):
        return date


def _delete(connection: sqlite3.Connection, table: Table, tables: Sequence[Table], chance: random.Random) -> None:
    """Only rows that no other table's key can point at."""
    if len(table.rowids) < 4:
        return
    elsewhere = {value for other in tables if other is not table for c in other.columns if c.key for value in c.values}
    owned = [column.values for column in table.columns if column.key and column.unique]
    free = [
        rowid
        for place, rowid in enumerate(table.rowids)
        if all(values[place] not in elsewhere for values in owned) and chance.random() < _DELETED
    ]
    connection.executemany(f"DELETE FROM {quoted(table.name)} WHERE _rowid_ = ?", [(rowid,) for rowid in free])


def _add(connection: sqlite3.Connection, table: Table, chance: random.Random) -> None:
    count = max(2, round(_ADDED * len(table.rowids)), _GROW_TO - len(table.rowids))
    names = ", ".join(quoted(column.name) for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    for place in range(min(count, _MAX_ADDED)):
        pattern = chance.randrange(len(table.rowids)) if table.rowids else None
        row = [
            _made_up(column, place, chance) if pattern is None else _fresh(column, pattern, place, chance)
            for column in table.columns
        ]
        with contextlib.suppress(sqlite3.IntegrityError, OverflowError):
            connection.execute(f"INSERT OR IGNORE INTO {quoted(table.name)} ({names}) VALUES ({marks})", row)


def _fresh(column: Column, pattern: int, place: int, chance: random.Random) -> Value:
    """A cell of a row that is added after the pattern of another one."""
    value = column.values[pattern]
    if not column.unique:
        return chance.choice(column.values) if column.key or chance.random() < 0.5 else value
    if isinstance(value, int):
        return max(v for v in column.values if isinstance(v, int)) + place + 1
    if isinstance(value, float):
        return round(value * (1.01 + place / 50), 3)
    if isinstance(value, str) and column.kind in ("date", "time"):
        return _shifted(value, 400 + place)
    return f"{value} {place + 2}" if isinstance(value, str) else value


def _made_up(column: Column, place: int, chance: random.Random) -> Value:
    """A cell of a table without rows. Keys count from 1, so that those of different tables meet."""
    number = place + 1 if column.primary or column.unique else chance.randint(1, _GROW_TO)
    match column.kind:
        case "integer":
            return number if column.key else chance.randint(1, 40)
        case "real":
            return number if column.key else round(chance.uniform(1, 100), 2)
        case "date":
            return _shifted("2024-01-01", chance.randint(0, 700))
        case "time":
            return _shifted("2024-01-01 09:30:00", chance.randint(0, 700))
    return f"v{number if column.key else chance.randint(1, 6)}"
