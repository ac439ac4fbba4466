"""What a query, or a script that makes a database, may do in graders/sql_worker.py, and how much.

A query reads; an authorizer refuses all else, and functions that touch files or give another answer each time.
Standard library only.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STEPS_PER_SECOND = 20_000_000
_STEPS_BETWEEN_CHECKS = 1000

_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 40_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 200,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 500,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
# They touch files or settings, or give another answer each time.
_REFUSED_FUNCTIONS = {
    *("load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "random", "randomblob", "zeroblob"),
    *("last_insert_rowid", "changes", "total_changes", "sqlite_log", "sqlite_offset"),
}


def set_limits(connection: sqlite3.Connection) -> None:
    """Bounds texts, rows, nesting and the like from here on."""
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)


def script_authorizer(action: int, first: str | None, second: str | None, *_: object) -> int:
    """Lets a script make tables and rows, and open nothing else."""
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_CREATE_VTABLE):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() != "foreign_keys":
        return sqlite3.SQLITE_DENY
    return _function_allowed(second) if action == sqlite3.SQLITE_FUNCTION else sqlite3.SQLITE_OK


def query_authorizer(read: set[str]) -> Callable[..., int]:
    """Lets a query read, and notes the tables that it does."""

    def decide(action: int, first: str | None, second: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ:
            read.add(first or "")
        if action == sqlite3.SQLITE_FUNCTION:
            return _function_allowed(second)
        return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY

    return decide


def _function_allowed(name: str | None) -> int:
    return sqlite3.SQLITE_DENY if (name or "").lower() in _REFUSED_FUNCTIONS else sqlite3.SQLITE_OK


@contextmanager
def stopped_after(connection: sqlite3.Connection, steps: int) -> Iterator[None]:
    """Interrupts what runs inside after so many steps of sqlite's machine: the same on a busy and an idle computer."""
    left = steps // _STEPS_BETWEEN_CHECKS

    def check() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    connection.set_progress_handler(check, _STEPS_BETWEEN_CHECKS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
