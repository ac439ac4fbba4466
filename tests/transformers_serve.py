"""`transformers serve` with the embedded starter, as a user starts it: one for all tests that ask a real server."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pipelines.sources import STARTER

NEEDED = ("fastapi", "uvicorn", "openai")
LACKING = [name for name in NEEDED if importlib.util.find_spec(name) is None]


@dataclass(frozen=True)
class Serving:
    """The server's address, the name of its model and what it logs."""

    url: str
    model: str
    log: Path

    def requests(self) -> int:
        """How many it took up; one that it refuses for its fields is not among them."""
        return self.log.read_text().count("[Request received]")


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The starter behind an address. It samples where the temperature is not 0, which this server leaves to the model's
    generation_config.json.
    """
    if LACKING:
        pytest.skip(f"transformers serve needs {', '.join(LACKING)}")
    model = tmp_path_factory.mktemp("serve") / "starter"
    shutil.copytree(STARTER, model)
    config = json.loads((model / "generation_config.json").read_text())
    (model / "generation_config.json").write_text(json.dumps({**config, "do_sample": True}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = model.with_name("log.txt")
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen([*command, *options], stdout=out, stderr=out, env=environment)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/health", process, log)
        yield Serving(f"http://127.0.0.1:{port}/v1", str(model), log)
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
