"""Graders that ask a model: each test has its own cache, no keys of this machine, and waits that are short."""

from pathlib import Path

import pytest

from graders import endpoint
from graders.llm import posting, remote


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a process has learnt of a server is forgotten too: another test's may get the same port."""
    monkeypatch.setenv("FINETUNE_ADVISOR_CACHE", str(tmp_path / "answers"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(posting, "FIRST_WAIT_SECONDS", 0.01)
    remote._habits.clear()
    endpoint._streaks.clear()
