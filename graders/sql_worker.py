"""The process in which queries run: one JSON request a line on stdin, one JSON answer a line on stdout.

Started by graders/sql_client.py by its path, without site packages: standard library only, so it is there in 30 ms.
Databases are opened read-only; of each, changed copies are made in memory (graders/sql_copies.py) and kept. A query may
only read: an authorizer refuses all else. It ends after so many steps of sqlite's machine; where a single function call
goes on, the process itself ends, half a second past its processor time or at 2 GiB of memory.
"""

import contextlib
import json
import os
import select
import signal
import sqlite3
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from graders.sql_clock import ASKS_THE_TIME, newest_moment, set_clock
from graders.sql_copies import perturb
from graders.sql_literals import put_literals
from graders.sql_tables import Table, read_tables

STEPS_PER_SECOND = 20_000_000
MAX_ROWS = 10_000
MAX_ANSWER_CHARS = 2_000_000
MAX_COPIED_BYTES = 100 * 2**20
_MAX_MEMORY_BYTES = 2 * 2**30
_MAX_OPEN = 24
_STEPS_BETWEEN_CHECKS = 1000
_SCRIPT_SECONDS = 10

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


class _Database:
    """One copy of a database; `number` 0 is the data as it is. literals: of which reference they are in it now."""

    def __init__(self, source: dict[str, Any], number: int) -> None:
        self.number = number
        self.connection = _opened(source) if number == 0 else _copied(source, number)
        self.connection.execute("PRAGMA temp_store = MEMORY")
        self.connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')")  # later the authorizer forbids it
        self.tables: list[Table] = read_tables(self.connection) if number else []
        self.moment: str | None = None
        self.literals: object = None
        for limit, value in _LIMITS.items():
            self.connection.setlimit(limit, value)

    def set_literals(self, blocks: list[Any]) -> None:
        if self.number == 0 or blocks == self.literals:
            return
        self.connection.execute("PRAGMA query_only = OFF")
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.connection.execute("BEGIN")
        put_literals(self.connection, self.tables, blocks, self.number)
        self.literals = blocks

    def still(self, source: dict[str, Any]) -> None:
        """From here on 'now' is one moment. All copies share that of the data as it is."""
        if self.moment is None:
            self.moment = newest_moment(_DATABASES.open(source, 0).connection)
            set_clock(self.connection, self.moment)


class _Databases:
    """The most recently used copies."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, int], _Database] = OrderedDict()

    def open(self, source: dict[str, Any], number: int) -> _Database:
        key = (json.dumps(source), number)
        if key not in self._open:
            try:
                self._open[key] = _Database(source, number)
            except MemoryError:
                self._open.clear()
                self._open[key] = _Database(source, number)
            while len(self._open) > _MAX_OPEN:
                self._open.popitem(last=False)[1].connection.close()
        self._open.move_to_end(key)
        return self._open[key]


_DATABASES = _Databases()


def _connected(path: str, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(path, uri=uri, isolation_level=None, cached_statements=0)
    connection.text_factory = lambda text: str(text, "utf-8", "replace")
    return connection


def _opened(source: dict[str, Any]) -> sqlite3.Connection:
    if "path" in source:
        connection = _connected(f"{Path(source['path']).as_uri()}?mode=ro", uri=True)
        connection.execute("SELECT count(*) FROM sqlite_master")  # only now a file that is no database is found out
        return connection
    connection = _connected(":memory:")
    connection.set_authorizer(_script_authorizer)
    with _stopped_after(connection, _SCRIPT_SECONDS * STEPS_PER_SECOND):
        connection.executescript(source["script"])
    connection.set_authorizer(None)
    return connection


def _copied(source: dict[str, Any], number: int) -> sqlite3.Connection:
    if "path" in source and Path(source["path"]).stat().st_size > MAX_COPIED_BYTES:
        size = f"{MAX_COPIED_BYTES // 2**20} MiB"
        raise sqlite3.OperationalError(f"databases over {size} get no changed copy: say changed_copies: false")
    connection = _connected(":memory:")
    _DATABASES.open(source, 0).connection.backup(connection)
    perturb(connection, number)
    return connection


def _script_authorizer(action: int, first: str | None, second: str | None, *_: object) -> int:
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_CREATE_VTABLE):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() != "foreign_keys":
        return sqlite3.SQLITE_DENY
    return _function_allowed(second) if action == sqlite3.SQLITE_FUNCTION else sqlite3.SQLITE_OK


def _query_authorizer(read: set[str]) -> Callable[..., int]:
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


@contextlib.contextmanager
def _stopped_after(connection: sqlite3.Connection, steps: int) -> Any:
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


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        database = _DATABASES.open(request["database"], request["copy"])
        if request.get("schema"):
            return {"schema": {t.name: [c.name for c in t.columns] for t in read_tables(database.connection)}}
        sql = request["sql"]
        if ASKS_THE_TIME.search(sql) or ASKS_THE_TIME.search(json.dumps(request["literals"])):
            database.still(request["database"])
        database.set_literals(request["literals"])
    except (sqlite3.Error, sqlite3.Warning, OSError, ValueError, MemoryError) as error:
        return {"error": "database", "message": str(error) or type(error).__name__}
    signal.setitimer(signal.ITIMER_PROF, request["seconds"] + 0.5)
    try:
        return _run(database.connection, sql, int(request["seconds"] * STEPS_PER_SECOND))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _run(connection: sqlite3.Connection, sql: str, steps: int) -> dict[str, Any]:
    connection.execute("PRAGMA query_only = ON")
    read: set[str] = set()
    connection.set_authorizer(_query_authorizer(read))
    try:
        with _stopped_after(connection, steps):
            return _fetched(connection, sql) | {"reads": bool(read - {"json_each", "json_tree", "sqlite_master", ""})}
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return {"error": "limit", "message": f"stopped after {steps:,} steps"}
        unread = any(word in str(error) for word in ("syntax error", "unrecognized token", "incomplete input"))
        return {"error": "syntax" if unread else "run", "message": str(error)}
    except MemoryError:
        return {"error": "limit", "message": "out of memory"}
    except ValueError as error:  # a null character, a lone surrogate
        return {"error": "syntax", "message": str(error)}
    except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
        return {"error": "run", "message": str(error)}
    finally:
        connection.set_authorizer(None)


def _fetched(connection: sqlite3.Connection, sql: str) -> dict[str, Any]:
    cursor = connection.execute(sql)
    rows: list[list[Any]] = []
    chars = 0
    for row in cursor:
        rows.append([f"x'{cell.hex()}'" if isinstance(cell, bytes) else cell for cell in row])
        chars += sum(len(cell) if isinstance(cell, str) else 8 for cell in rows[-1])
        if len(rows) > MAX_ROWS or chars > MAX_ANSWER_CHARS:
            cursor.close()
            return {"error": "limit", "message": f"its answer has over {MAX_ROWS:,} rows or is as large"}
    return {"columns": len(cursor.description or ()), "rows": rows}


def _lines(parent: int) -> Iterator[bytes]:
    """Lines of stdin, to its end or that of the parent: a process that the parent forked may hold stdin open."""
    unread = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], 2.0)[0]:
            continue
        chunk = os.read(0, 1 << 20)
        if not chunk:
            return
        *lines, unread = (unread + chunk).split(b"\n")
        yield from lines


def main() -> None:
    """Answers until stdin or the parent ends."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # no such limit on this system: sqlite has its own
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the process that grades, which may still ask
        signal.signal(number, signal.SIG_IGN)
    _connected(":memory:").execute(f"PRAGMA hard_heap_limit = {_MAX_MEMORY_BYTES // 2}")
    for line in _lines(int(sys.argv[1])):
        answer = json.dumps(_answer(json.loads(line)))
        sys.stdout.buffer.write(answer.encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
