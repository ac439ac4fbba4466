"""Answers of a model, kept on disk, so that the same question costs one call and gets the same answer.

One SQLite file in the folder FINETUNE_ADVISOR_CACHE, else ~/.cache/finetune-advisor; FINETUNE_ADVISOR_CACHE=off turns
it off. A key is the SHA-256 of the question; a value is the answer as JSON. Several processes may use it at once: each
write is one transaction with a rollback journal (write-ahead logging does not work on a network's file system). A cache
that cannot be read or written is a warning, and the model is asked.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

ENVIRONMENT = "FINETUNE_ADVISOR_CACHE"
_log = logging.getLogger(__name__)
_SECONDS_TO_WAIT_FOR_A_WRITER = 10.0


class AnswerCache:
    """A table of key → text. Use it in a `with`; one thread at a time may use it."""

    def __init__(self, folder: Path | None) -> None:
        self._database: sqlite3.Connection | None = None
        if folder is None:
            return
        with self._going_on_without(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # isolation_level None: each statement is its own transaction.
            self._database = sqlite3.connect(
                folder / "answers.sqlite", _SECONDS_TO_WAIT_FOR_A_WRITER, isolation_level=None, check_same_thread=False
            )
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT) WITHOUT ROWID"
            )

    def __enter__(self) -> "AnswerCache":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def get(self, key: str) -> str | None:
        """The answer kept under a key."""
        if self._database is not None:
            with self._going_on_without("the cache"):
                row = self._database.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
                return str(row[0]) if row else None
        return None

    def put(self, key: str, answer: str) -> None:
        """Keeps an answer; of two processes that ask the same at once, the first one's stays."""
        if self._database is not None:
            with self._going_on_without("the cache"):
                self._database.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (key, answer))

    @contextlib.contextmanager
    def _going_on_without(self, what: object) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            _log.warning("judge answers are not cached: %s: %s", what, error)
            self._close()

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None


def cache_folder() -> Path | None:
    """Where the cache lies, or None where it is turned off."""
    named = os.environ.get(ENVIRONMENT, "")
    if named.strip().lower() == "off":
        return None
    return Path(named).expanduser() if named else Path.home() / ".cache" / "finetune-advisor"
