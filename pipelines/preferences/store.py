"""Answers in SQLite, on disk the moment they are given; none is ever deleted, one that is taken back is marked.

One file for each stage `label` of a run. Several threads and processes may use it at once.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.preferences.answers import Answer

Gone = Literal["undone", "removed"]
"""undone: taken back by its annotator. removed: somebody took its line out of the file of answers."""

_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
  number INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,       -- names the click: the same one sent twice is one answer
  here INTEGER NOT NULL,          -- given here, not read from the file
  question TEXT NOT NULL,
  annotator TEXT NOT NULL,
  answer TEXT NOT NULL,           -- its line in the file
  in_file INTEGER NOT NULL,
  gone TEXT                       -- undone or removed
);
CREATE INDEX IF NOT EXISTS by_annotator ON answers (annotator, question);
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A row of the store."""

    number: int
    question: str
    answer: Answer
    line: str
    in_file: bool
    gone: Gone | None


class Store:
    """Opens the file, and makes it where it is not there."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(_TABLE)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Inside, all is done or nothing, and no other process writes."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise

    def give(self, key: str, question: str, line: str, annotator: str) -> bool:
        """Keeps an answer; False when this click is known, or the annotator has answered the question."""
        with self.writing():
            known = "SELECT 1 FROM answers WHERE key = ? OR (question = ? AND annotator = ? AND gone IS NULL)"
            if self._connection.execute(known, (key, question, annotator)).fetchone():
                return False
            self._connection.execute(
                "INSERT INTO answers (key, here, question, annotator, answer, in_file) VALUES (?, 1, ?, ?, ?, 0)",
                (key, question, annotator, line),
            )
        return True

    def take_in(self, key: str, question: str, line: str, annotator: str, in_file: bool = False) -> None:
        """Keeps an answer that was given elsewhere; nothing happens when the key is known. Call it while writing."""
        self._connection.execute(
            "INSERT OR IGNORE INTO answers (key, here, question, annotator, answer, in_file) VALUES (?, 0, ?, ?, ?, ?)",
            (key, question, annotator, line, in_file),
        )

    def mark(self, number: int, in_file: bool, gone: Gone | None) -> None:
        """What became of an answer. Not flushed to disk by itself: what a power cut takes of it, `bring_together` of
        the answers file finds out again."""
        update, values = "UPDATE answers SET in_file = ?, gone = ? WHERE number = ?", (in_file, gone, number)
        with self._lock:
            if self._connection.in_transaction:
                self._connection.execute(update, values)
                return
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(update, values)
            self._connection.execute("PRAGMA synchronous=FULL")

    def undo(self, number: int, annotator: str) -> Kept | None:
        """Takes back an answer that its annotator gave here; None when that was done before."""
        with self.writing():
            found = self._kept("WHERE number = ? AND annotator = ? AND here AND gone IS NULL", number, annotator)
            if found:
                self.mark(number, found[0].in_file, "undone")
        return found[0] if found else None

    def last(self, annotator: str) -> int | None:
        """The number of the annotator's newest answer given here that is not taken back."""
        query = "SELECT MAX(number) FROM answers WHERE annotator = ? AND here AND gone IS NULL"
        with self._lock:
            found: int | None = self._connection.execute(query, (annotator,)).fetchone()[0]
        return found

    def answered(self, annotator: str) -> set[str]:
        """Ids of the questions that the annotator answered."""
        query = "SELECT question FROM answers WHERE annotator = ? AND gone IS NULL"
        with self._lock:
            return {question for (question,) in self._connection.execute(query, (annotator,))}

    def live(self) -> list[Kept]:
        """The answers that count."""
        return self._kept("WHERE gone IS NULL")

    def unsettled(self) -> list[Kept]:
        """The answers that count and are not in the file yet, and those in it that count no more."""
        return self._kept("WHERE in_file = (gone IS NOT NULL)")

    def _kept(self, where: str, *values: object) -> list[Kept]:
        query = f"SELECT number, question, answer, in_file, gone FROM answers {where} ORDER BY number"
        with self._lock:
            rows = self._connection.execute(query, values).fetchall()
        return [
            Kept(number, question, Answer.model_validate_json(line), line, bool(in_file), gone)
            for number, question, line, in_file, gone in rows
        ]
