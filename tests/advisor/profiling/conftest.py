"""Made-up files for the tests of profile."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.profiling.profile_file import profile_file
from advisor.profiling.record import DataReport, ProfileFinding
from pipelines.data.spec import DataSpec


def asked(number: int, **more: Any) -> dict[str, Any]:
    """A row with a prompt and an answer of its own."""
    prompt = f"How many figs are in box {number} when {number * 7} are taken out?"
    return {"question": prompt, "answer": f"{number * 13}", **more}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(name, content): text, bytes, or rows that become JSON lines (a text among them stays as it is)."""

    def _write(name: str, content: Any) -> Path:
        if isinstance(content, list):
            lines = [row if isinstance(row, str) else json.dumps(row) for row in content]
            content = "".join(line + "\n" for line in lines)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return _write


@pytest.fixture
def profiled(write: Callable[..., Path]) -> Callable[..., DataReport]:
    """profiled(rows, name="rows.jsonl", **fields of DataSpec): writes a file and looks at it."""

    def _profiled(content: Any, name: str = "rows.jsonl", **spec: Any) -> DataReport:
        return profile_file(DataSpec(train=name, **spec), write(name, content))

    return _profiled


def only(report: DataReport, check: str) -> ProfileFinding:
    """The finding of this check; fails with all that were found."""
    found = [finding for finding in report.findings if finding.check == check]
    assert len(found) == 1, report.findings
    return found[0]


def checks(report: DataReport) -> list[str]:
    """What was found, by name."""
    return [finding.check for finding in report.findings]
