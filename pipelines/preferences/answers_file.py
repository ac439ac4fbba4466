"""The file of answers, kept in step with the store: every answer stands in both, and what people edit in it counts.

Appending is one write, flushed to disk; taking a line out writes the file anew. Whatever was cut short by a crash or a
full disk is made good by the next call.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from graders.errors import UserError
from pipelines.files import write_text
from pipelines.preferences.answers import Answer, answer_lines, read_answers
from pipelines.preferences.questions import question_id
from pipelines.preferences.store import Store


@dataclass(frozen=True, slots=True)
class Met:
    """What `bring_together` found. added: answers that the file lacked. new: answers given elsewhere. removed: answers
    whose lines somebody took out of the file; they stay in the store, marked."""

    added: int
    new: int
    removed: int


class AnswersFile:
    """path: the file that the team commits. lock: a file of the run that keeps writers apart."""

    def __init__(self, path: Path, lock: Path) -> None:
        self.path, self._lock = path, lock

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside, no other thread or process writes to the file."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def settle(self, store: Store) -> int:
        """Writes what the store has and the file has not, takes out what was undone; returns how many it added."""
        rows = store.unsettled()
        added = [row for row in rows if row.gone is None]
        if added:
            self._append("".join(row.line + "\n" for row in added))
        for row in rows:
            if row.gone is not None:
                self._take_out(row.line)
            store.mark(row.number, row.gone is None, row.gone)
        return len(added)

    def bring_together(self, store: Store) -> Met:
        """Makes the two agree, as when one was changed without the other. Raises UserError with the line of what cannot
        be read."""
        with self.alone(), store.writing():
            self._drop_half_a_line(store)
            removed = self._compare(store)
            added = self.settle(store)
            known = {row.line for row in store.live()}
            new = {line: answer for line, answer in self._stands().items() if line not in known}
            for line, answer in new.items():
                key = f"file {secrets.token_hex(8)}"
                store.take_in(
                    key, question_id(answer.messages, answer.completions), line, answer.annotator, in_file=True
                )
            return Met(added, len(new), removed)

    def _compare(self, store: Store) -> int:
        """Notes which answers stand in the file. A line that is gone was taken out on purpose; but where the whole file
        is gone, that was an accident, and it will be written again."""
        there, stands, removed = self.path.exists(), self._stands(), 0
        for row in store.live():
            on_purpose = there and row.in_file and row.line not in stands
            store.mark(row.number, row.line in stands, "removed" if on_purpose else None)
            removed += on_purpose
        return removed

    def _stands(self) -> dict[str, Answer]:
        """Each answer of the file by its line, as we would write it."""
        answers = read_answers(self.path) if self.path.exists() else []
        return {line_of(answer): answer for answer in answers}

    def _drop_half_a_line(self, store: Store) -> None:
        """A machine that lost power may leave half a line; the store has the whole of it."""
        last = self.path.read_bytes().rpartition(b"\n")[2] if self.path.exists() else b""
        begun = [row for row in store.live() if row.line.encode().startswith(last) and row.line.encode() != last]
        if last and begun:
            os.truncate(self.path, self.path.stat().st_size - len(last))
            store.mark(begun[-1].number, False, None)

    def _append(self, text: str) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                size = os.fstat(descriptor).st_size
                begin = "\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else ""
                _write_whole(descriptor, (begin + text).encode(), size)
            finally:
                os.close(descriptor)
        except OSError as error:
            kept = "the answer itself is kept, in the run's folder"
            happened = f"the file of answers cannot be written: {error.strerror}; {kept}"
            raise UserError(happened, "a writable file on a disk with room", where=str(self.path)) from error

    def _take_out(self, line: str) -> None:
        lines = self.path.read_text(encoding="utf-8").split("\n") if self.path.exists() else []
        if line in lines:
            lines.remove(line)
            write_text(self.path, "\n".join(lines))


def line_of(answer: Answer) -> str:
    """An answer's line without its end."""
    return answer_lines([answer]).removesuffix("\n")


def _write_whole(descriptor: int, data: bytes, size: int) -> None:
    """All or nothing: where the disk is full after a part, that part is taken back."""
    try:
        if os.write(descriptor, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
