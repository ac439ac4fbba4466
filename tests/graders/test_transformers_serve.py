"""The protocol against a real server, `transformers serve`, with the embedded starter.

The starter is far too small to judge. What is tested is that it is asked as this server wants it, that an answer which
is no verdict is unscored, and that what was answered once is not asked again.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from graders.base import Grade, Sample
from graders.llm.chat import Form, Question, Reply, ask_all
from graders.llm.server import Server
from graders.union import parse_grader
from pipelines.sources import STARTER

NEEDED = ("fastapi", "uvicorn", "openai")
LACKING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"transformers serve needs {', '.join(LACKING)}")


@dataclass(frozen=True)
class Serving:
    """The server's address and what it logs."""

    url: str
    log: Path

    def requests(self) -> int:
        """How many it took up; one that it refuses for its fields is not among them."""
        return self.log.read_text().count("[Request received]")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log.txt"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(STARTER)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen([*command, *options], stdout=out, stderr=out, env=environment)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/health", process, log)
        yield Serving(f"http://127.0.0.1:{port}/v1", log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(address, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"transformers serve did not start: {log.read_text()[-2000:]}")


def _grader(url: str) -> dict[str, object]:
    return {"model": str(STARTER), "server": {"base_url": url, "concurrency": 2}, "max_tokens": 16}


def test_a_judge_whose_answer_is_no_verdict_leaves_every_row_unscored(serving: Serving) -> None:
    judge = parse_grader({"type": "judge", "criteria": "right", **_grader(serving.url)})
    grades: list[Grade] = judge.grade_all([Sample("2 + 3 = ?", text, "5") for text in ("5", "6", "")])
    assert [grade.score for grade in grades] == [None, None, 0]
    assert grades[0].errors == grades[1].errors == ("model_grader_parse_error",)


def test_what_was_answered_once_is_not_asked_again(serving: Serving) -> None:
    form = Form("f", {"type": "object", "properties": {"a": {"type": "number"}}})
    question = Question((("user", "2 + 3 = ?"),), form, {"temperature": 0, "seed": 0, "max_completion_tokens": 16})
    [reply] = ask_all(str(STARTER), Server(base_url=serving.url), [question])
    assert isinstance(reply, Reply)
    assert reply.text
    answered = serving.requests()
    assert ask_all(str(STARTER), Server(base_url=serving.url), [question]) == [reply]
    assert serving.requests() == answered
    uncached = Server(base_url=serving.url, cache=False)
    assert ask_all(str(STARTER), uncached, [question]) == [reply]  # greedy: the same again
    assert serving.requests() == answered + 1


def test_a_model_that_it_does_not_serve_is_said(serving: Serving) -> None:
    judge = parse_grader({"type": "judge", "criteria": "right", **_grader(serving.url), "model": "owner/no-such-model"})
    [grade] = judge.grade_all([Sample("2 + 3 = ?", "5")])
    assert (grade.score, grade.errors) == (None, ("model_grader_server_error",))
