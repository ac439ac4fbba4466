"""Questions → answers of a model on this machine, in a process of its own that loads it once and answers greedily.

The process ends with ours; one that hangs or dies costs the question it had, and the next one starts another. Settings
but the number of tokens do nothing here, for nothing is sampled. One answer at a time: for thousands of rows, serve the
model (vLLM, transformers serve, llama.cpp) and name the server.
"""

import atexit
import contextlib
import hashlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from graders.errors import UserError
from graders.llm.chat import NoReply, Question, Reply, in_words
from graders.llm.server import Server

_CHILD = Path(__file__).with_name("local_child.py")
_MAX_FAILURES_IN_A_ROW = 2
_MAX_LOADING_SECONDS = 1800.0
DEFAULT_TOKENS = 2048


def is_folder(model: str) -> bool:
    """Whether a local model's name is a folder, by how it begins; else it is a hub id."""
    return model.startswith((".", "/"))


def identity(model: str) -> str:
    """What a local model's answers are cached under: for a folder, its path and its files' sizes and times.

    Raises UserError where the folder holds no model.
    """
    if not is_folder(model):
        return f"local {model}"
    folder = Path(model).resolve()
    if not (folder / "config.json").is_file():
        raise UserError("this folder holds no model", "a config.json in it", where=str(folder))
    files = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(folder.iterdir())]
    return f"local {folder} {hashlib.sha256(json.dumps(files).encode()).hexdigest()}"


def ask_here(
    model: str, server: Server, questions: Mapping[str, Question], keep: Callable[[str, Reply], None]
) -> dict[str, Reply | NoReply]:
    """The answers by the questions' keys; `keep` gets each as it comes. Raises UserError where no model loads."""
    replies: dict[str, Reply | NoReply] = {}
    failures, why = 0, ""
    for key, question in questions.items():
        if failures >= _MAX_FAILURES_IN_A_ROW:
            replies[key] = NoReply(f"not asked, as the local model had failed before: {why}")
            continue
        reply = _ask(model, question, server.timeout_seconds)
        replies[key] = reply
        if isinstance(reply, Reply):
            failures = 0
            keep(key, reply)
        elif _children.get((os.getpid(), model)) is None:
            failures, why = failures + 1, reply.why
    return replies


_children: dict[tuple[int, str], "_Child"] = {}
_lock = threading.Lock()


def _ask(model: str, question: Question, seconds: float) -> Reply | NoReply:
    request = {
        "messages": [{"role": role, "content": text} for role, text in in_words(question)],
        "max_tokens": question.settings.get("max_completion_tokens") or DEFAULT_TOKENS,
    }
    with _lock:
        child = _running(model)
        try:
            answer = child.ask(request, seconds)
        except (OSError, EOFError, TimeoutError) as error:
            child.end()
            _children.pop((os.getpid(), model), None)
            return NoReply(f"the local model's process {error or 'is gone'}{child.last_words()}")
    return NoReply(str(answer["error"])) if "error" in answer else Reply(answer["text"], answer["cut"])


def _running(model: str) -> "_Child":
    key = (os.getpid(), model)
    if key not in _children:
        child = _Child(str(Path(model).resolve()) if is_folder(model) else model)
        try:
            child.read(_MAX_LOADING_SECONDS)
        except (OSError, EOFError, TimeoutError):
            child.end()
            raise UserError(
                f"the model {model} that grades cannot be loaded{child.last_words()}", "a model that transformers loads"
            ) from None
        _children[key] = child
    return _children[key]


class _Child:
    """The process and its pipes: JSON lines go in and come out; what it prints goes to a file."""

    def __init__(self, model: str) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        # -P: the folder of the script must not come first among the modules.
        command = [sys.executable, "-P", str(_CHILD), model, str(os.getpid())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True
        )
        self._unread = b""
        self._said: list[str] = []

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return self.read(seconds)

    def read(self, seconds: float) -> dict[str, Any]:
        """The next line. Raises TimeoutError, or EOFError where the process has ended."""
        assert self._process.stdout is not None
        end = time.monotonic() + seconds
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"gave no answer in {seconds:.0f} seconds")
            piece = os.read(self._process.stdout.fileno(), 1 << 16)
            if not piece:
                raise EOFError("has ended")
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written to it
                    pipe.close()
        self._log.seek(0)
        self._said = self._log.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        self._log.close()

    def last_words(self) -> str:
        """The exit code of the ended process, and the last line that it wrote."""
        return f" (exit {self._process.returncode})" + "".join(f": {line[:300]}" for line in self._said)


@atexit.register
def end_all() -> None:
    """Ends the processes of this one; they would end by themselves too."""
    for key, child in list(_children.items()):
        if key[0] == os.getpid():
            child.end()
            del _children[key]
