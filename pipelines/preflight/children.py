"""Work that needs torch or a peak of memory of its own, in a process of its own: JSON in, JSON out.

A script is called with two paths, REQUEST and ANSWER, and leaves one JSON object in ANSWER: what it found, or
{"fault": {...}} where the user must change something.
"""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from graders.errors import UserError
from pipelines.launch_command import environment
from pipelines.worker import die_with_parent

_TOLD = 3


class ChildFailed(Exception):
    """It died, or has a bug. The text says how, with the last lines that it wrote."""


def run(script: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What the child left. Raises UserError with the child's own words, and ChildFailed."""
    with tempfile.TemporaryDirectory(prefix="finetune-advisor-") as name:
        asked, answer, log = (Path(name) / part for part in ("request.json", "answer.json", "log.txt"))
        asked.write_text(json.dumps(request), encoding="utf-8")
        with log.open("wb") as file:
            command = [sys.executable, str(Path(script).resolve()), str(asked), str(answer)]
            done = subprocess.run(command, check=False, stdout=file, stderr=file, env=environment(processes=1))
        if done.returncode != 0 or not answer.exists():
            raise ChildFailed(f"{_how(done.returncode)}{_last_lines(log)}")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "fault" in found:
        raise UserError(**found["fault"])
    return found


def answer_with(work: Callable[[dict[str, Any]], Mapping[str, Any]]) -> int:
    """A script's main: reads the request, writes what `work` makes of it, or its UserError. Dies with its parent."""
    die_with_parent(None)
    asked, answer = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        found = work(json.loads(asked.read_text(encoding="utf-8")))
    except UserError as error:
        found = {"fault": fault_of(error)}
    answer.write_text(json.dumps(found), encoding="utf-8")
    return 0


def fault_of(error: UserError) -> dict[str, str]:
    """Its parts, to be raised again elsewhere."""
    return {"happened": error.happened, "expected": error.expected, "fix": error.fix, "where": error.where}


def _how(code: int) -> str:
    if code == -signal.SIGKILL:
        return "it was killed, as the system does when memory is out"
    return f"it was ended by signal {-code}" if code < 0 else f"it ended with exit code {code}"


def _last_lines(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return f": {' / '.join(lines[-_TOLD:])}" if lines else ""
