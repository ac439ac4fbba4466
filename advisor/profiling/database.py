"""A DuckDB of our own in a temporary folder, with a limit on its memory; what does not fit is spilled there.

The folder is removed when the context closes. Nothing is fetched: no extension is installed or loaded from elsewhere.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BASE_MIB, _MIB_PER_THREAD = 256, 64
"""Ours: a thread reads JSON lines with two buffers of 16 MiB; the rest is for hash tables, which spill."""


@dataclass(frozen=True, slots=True)
class Database:
    """connection: DuckDB's. folder: temporary, for links and copies."""

    connection: Any
    folder: Path

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        """Every row of a query."""
        rows: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        return rows

    def one(self, sql: str) -> tuple[Any, ...]:
        """The only row of a query."""
        return self.all(sql)[0]


@contextmanager
def database() -> Iterator[Database]:
    """Open while the context is."""
    import duckdb

    threads = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="finetune-profile-") as name:
        folder = Path(name)
        (folder / "files").mkdir()
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads,
            "memory_limit": f"{_BASE_MIB + _MIB_PER_THREAD * threads}MiB",
            "temp_directory": str(folder / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        connection = duckdb.connect(str(folder / "facts.duckdb"), config=settings)
        connection.execute("SET enable_progress_bar = false")
        try:
            yield Database(connection, folder / "files")
        finally:
            connection.close()
