"""A clock that stands still: 'now', CURRENT_DATE and their kin mean one moment, so that a query answers the same daily.

Loaded by graders/sql_worker.py, which runs without the package's libraries: standard library only.
"""

import re
import sqlite3
from collections.abc import Callable

from graders.sql_tables import Value

ASKS_THE_TIME = re.compile(
    r"now|current_|\b(?:date|time|datetime|julianday|unixepoch)\s{0,9}\(\s{0,9}\)|\bstrftime\b", re.IGNORECASE
)
_FALLBACK = "2024-01-01 00:00:00"
_DATE = "[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"


def newest_moment(connection: sqlite3.Connection) -> str:
    """The newest date of the database that lies before 2100: the moment its data was taken, as far as it tells."""
    newest = ""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        quoted = '"' + table.replace('"', '""') + '"'
        for _, column, *_ in connection.execute(f"PRAGMA table_info({quoted})").fetchall():
            name = '"' + column.replace('"', '""') + '"'
            asked = f"SELECT max({name}) FROM {quoted} WHERE {name} GLOB '{_DATE}*' AND {name} < '2100'"
            newest = max(newest, str(connection.execute(asked).fetchone()[0] or ""))
    return (newest + _FALLBACK[len(newest) :])[:19] if len(newest) >= 10 else _FALLBACK


def set_clock(connection: sqlite3.Connection, moment: str) -> None:
    """Makes `moment` the present for this connection's queries."""
    clock = sqlite3.connect(":memory:")
    for name in ("date", "time", "datetime", "julianday", "unixepoch"):
        connection.create_function(name, -1, _still(clock, name, 0, moment), deterministic=True)
    connection.create_function("strftime", -1, _still(clock, "strftime", 1, moment), deterministic=True)
    for name, text in (
        ("current_timestamp", moment),
        ("current_date", moment[:10]),
        ("current_time", moment[11:19]),
    ):
        connection.create_function(name, 0, lambda text=text: text, deterministic=True)


def _still(clock: sqlite3.Connection, name: str, place: int, moment: str) -> Callable[..., Value]:
    """sqlite's own function, with `moment` where its argument at `place` is missing or 'now'."""

    def call(*arguments: Value) -> Value:
        values = [*arguments, moment] if len(arguments) == place else list(arguments)
        if place < len(values) and isinstance(values[place], str) and str(values[place]).strip().lower() == "now":
            values[place] = moment
        marks = ", ".join("?" * len(values))
        found: Value = clock.execute(f"SELECT {name}({marks})", values).fetchone()[0]
        return found

    return call
