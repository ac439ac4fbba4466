"""What a sqlite database shows of itself: its tables, which columns are keys, what kind of values they hold.

Loaded by graders/sql_worker.py, which runs without the package's libraries: standard library only.
"""

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Value = str | int | float | bytes | None
Kind = Literal["integer", "real", "date", "time", "text"]

_MAX_ROWS = 2000  # of a table are looked at, and changed
_ID = re.compile(r"(?:(?:^|_)(?:id|ID|Id|uuid)|[a-z0-9](?:Id|ID))$")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?P<time>[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?$")
_BOUNDS = "SELECT min({rowid}), max({rowid}) FROM {table}"


@dataclass
class Column:
    """values: of the rows looked at. unique: declared, or all values that are there differ.

    link: a key by declaration or name. key: a link, or it shares its name and values with another table's column.
    """

    name: str
    declared: str
    primary: bool
    link: bool = False
    key: bool = False
    unique: bool = False
    values: list[Value] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        filled = [value for value in self.values if value is not None]
        if not filled:
            return _declared_kind(self.declared)
        if all(isinstance(value, int) for value in filled):
            return "integer"
        if all(isinstance(value, int | float) for value in filled):
            return "real"
        matches = [_DATE.match(value) if isinstance(value, str) else None for value in filled]
        if all(matches):
            return "time" if any(match["time"] for match in matches if match) else "date"
        return "text"

    @property
    def categorical(self) -> bool:
        """Whether few values stand for many rows: then any other value would be a new category."""
        filled = [value for value in self.values if value is not None]
        return len(set(filled)) <= max(2, len(filled) // 3)


@dataclass
class Table:
    """rowids and the columns' values stand in the same order."""

    name: str
    columns: list[Column]
    rowids: list[int] = field(default_factory=list)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def read_tables(connection: sqlite3.Connection) -> list[Table]:
    """The ordinary tables with a rowid, and up to 2,000 rows of each. Raises sqlite3.Error."""
    names = connection.execute(
        "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main' AND wr = 0"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    tables = [_read(connection, name) for (name,) in names]
    linked = _declared_links(connection, tables)
    for table in tables:
        for column in table.columns:
            same = [c for t in tables if t is not table for c in t.columns if c.name.lower() == column.name.lower()]
            column.link = (
                column.primary
                or (table.name.lower(), column.name.lower()) in linked
                or bool(_ID.search(column.name))
                or (column.unique and column.name.lower().endswith("id"))
            )
            column.key = column.link or any(_share_values(column.values, other.values) for other in same)
    return tables


def _read(connection: sqlite3.Connection, name: str) -> Table:
    described = connection.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
    columns = [Column(row[1], (row[2] or "").upper(), bool(row[5])) for row in described if row[6] == 0]
    listed = ", ".join(quoted(column.name) for column in columns)
    every = _every(connection, name)
    rows = connection.execute(
        f"SELECT _rowid_, {listed} FROM {quoted(name)} WHERE _rowid_ % ? = 0 LIMIT ?", (every, _MAX_ROWS)
    ).fetchall()
    alone = sum(column.primary for column in columns) == 1
    for place, column in enumerate(columns, start=1):
        column.values = [row[place] for row in rows]
        filled = [value for value in column.values if value is not None]
        column.unique = (column.primary and alone) or (len(filled) > 3 and len(set(filled)) == len(filled))
    return Table(name, columns, [row[0] for row in rows])


def _every(connection: sqlite3.Connection, name: str) -> int:
    """Of a large table each so-manieth rowid is read, so that rows of all parts are."""
    low, high = connection.execute(_BOUNDS.format(rowid="_rowid_", table=quoted(name))).fetchone()
    return 1 if low is None else max(1, (high - low) // _MAX_ROWS)


def _declared_links(connection: sqlite3.Connection, tables: Sequence[Table]) -> set[tuple[str, str]]:
    """Columns that a FOREIGN KEY names, on both sides."""
    linked = set()
    for table in tables:
        for link in connection.execute(f"PRAGMA foreign_key_list({quoted(table.name)})").fetchall():
            linked.add((table.name.lower(), link[3].lower()))
            linked.add((link[2].lower(), (link[4] or "").lower()))
    return linked


def _share_values(values: Sequence[Value], others: Sequence[Value]) -> bool:
    return bool({value for value in values if value is not None} & {value for value in others if value is not None})


def _declared_kind(declared: str) -> Kind:
    if "INT" in declared:
        return "integer"
    if "TIME" in declared:
        return "time"
    if "DATE" in declared:
        return "date"
    return "real" if re.search(r"REAL|FLOA|DOUB|DEC|NUM", declared) else "text"
