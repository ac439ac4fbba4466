"""Runs queries in a process of their own, and remembers answers: `run_query` is all that the grader calls.

One process serves each process that grades; it is started on first use, and again when a query brought it down.
What a query did wrong is an answer with an error; what went wrong around it raises WorkerFailed.
"""

import atexit
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from graders.sql_rows import Row

_SCRIPT = Path(__file__).with_name("sql_worker.py")
_PATIENCE_SECONDS = 120  # of wall time: the machine's failure, not the query's, which processor time and steps limit
_QUERYS_FAULT = {signal.SIGPROF, signal.SIGXCPU, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT}


class WorkerFailed(Exception):
    """The process that runs queries could not do so; no query's fault."""


@dataclass(frozen=True, slots=True)
class Database:
    """path of a sqlite file, with its size and time of change in `stamp`; or a script that makes the database."""

    path: str = ""
    stamp: str = ""
    script: str = ""

    def source(self) -> dict[str, str]:
        return {"path": self.path, "stamp": self.stamp} if self.path else {"script": self.script}


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, or what went wrong. reads: whether any table of the database was read for them.

    error: syntax: no SQL; run: refused or failed; limit: too long or large; database: it could not be opened.
    """

    rows: tuple[Row, ...] = ()
    columns: int = 0
    reads: bool = False
    error: Literal["", "syntax", "run", "limit", "database"] = ""
    message: str = ""


@lru_cache(maxsize=32)
def run_query(database: Database, copy: int, literals: str, sql: str, seconds: float) -> Answer:
    """The answer of one SELECT. copy 0 is the data as it is; literals: JSON of sql_filters.filter_blocks.

    Raises WorkerFailed.
    """
    request = {"database": database.source(), "copy": copy, "sql": sql, "seconds": seconds}
    answer = _WORKER.ask(request | {"literals": json.loads(literals) if copy else []})
    if "error" in answer:
        return Answer(error=answer["error"], message=answer["message"][:300])
    return Answer(tuple(map(tuple, answer["rows"])), answer["columns"], answer["reads"])


@lru_cache(maxsize=256)
def read_schema(database: Database) -> dict[str, list[str]] | str:
    """Table → its columns; or why the database cannot be opened. Raises WorkerFailed."""
    answer = _WORKER.ask({"database": database.source(), "copy": 0, "schema": True})
    schema: dict[str, list[str]] | str = answer["message"] if "error" in answer else answer["schema"]
    return schema


class _Worker:
    """The process; threads take turns, and a forked child starts its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._parents: subprocess.Popen[bytes] | None = None

    def after_fork(self) -> None:
        """In a forked child: the parent's process stays the parent's, and a lock that a thread there holds is free."""
        self._parents, self._process = self._process, None
        self._lock = threading.Lock()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
                line = self._read_line(process)
            except BrokenPipeError:
                line = b""
            except BaseException:  # Ctrl-C: the answer that is still to come would be taken for the next one's
                self.close()
                raise
            if line.endswith(b"\n"):
                answer: dict[str, Any] = json.loads(line)
                return answer
            return self._died(process)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SCRIPT), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
            )
        return self._process

    def _read_line(self, process: subprocess.Popen[bytes]) -> bytes:
        """One line; less when the process ended or was out of patience."""
        assert process.stdout is not None
        chunks: list[bytes] = []
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            while ready.select(_PATIENCE_SECONDS):
                chunk = os.read(process.stdout.fileno(), 1 << 20)
                chunks.append(chunk)
                if not chunk or chunk.endswith(b"\n"):
                    return b"".join(chunks)
        process.kill()
        return b""

    def _died(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        code = process.wait()
        self.close()
        if code < 0 and signal.Signals(-code) in _QUERYS_FAULT:
            return {"error": "limit", "message": f"took too long or too much ({signal.Signals(-code).name})"}
        raise WorkerFailed(f"the process that runs SQL ended (exit status {code})")

    def close(self) -> None:
        """Ends the process; the next question starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):  # what was not sent yet goes nowhere
                if pipe is not None:
                    pipe.close()
        process.kill()
        process.wait()


_WORKER = _Worker()
atexit.register(_WORKER.close)
os.register_at_fork(after_in_child=_WORKER.after_fork)
