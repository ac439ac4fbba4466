"""Rows for the user's eyes: the turns, and in green what a model would learn to write; or, for a model, its tokens."""

import json
import os
import subprocess
import sys
from pathlib import Path

from rich.text import Text

from pipelines import show_child
from pipelines.data.answer_kind import answer_text
from pipelines.data.rows import Row, Rows
from pipelines.data.spec import DataSpec

_LONGEST = 600


def shown_rows(rows: Rows, num_rows: int = 3) -> list[Text]:
    """The first rows, one text each."""
    return [_shown(row) for row in rows.rows[:num_rows]]


def show_tokens(spec: DataSpec, model: str, base: Path) -> int:
    """Prints rows as a model's tokens, in a process of its own, which loads the tokenizer; returns its exit code."""
    request = {"data": spec.model_dump(), "model": {"name": model}, "base": str(base), "colour": sys.stdout.isatty()}
    sys.stdout.flush()
    child = str(Path(show_child.__file__).resolve())
    # What this terminal or file cannot hold becomes "?", as it does for what this process prints.
    environment = {**os.environ, "PYTHONIOENCODING": f"{sys.stdout.encoding}:replace"}
    return subprocess.run([sys.executable, child, json.dumps(request)], check=False, env=environment).returncode


def _shown(row: Row) -> Text:
    text = Text(f"row {row.number}\n", "bold")
    for message in row.messages:
        text.append(f"{message['role']}: ", "dim").append(_cut(str(message["content"])) + "\n", "not bold")
    for label, value, style in _answers(row):
        text.append(f"{label}: ", "dim").append(_cut(value) + "\n", style)
    return text


def _answers(row: Row) -> list[tuple[str, str, str]]:
    found = [
        ("assistant", row.completion, "not bold green"),
        ("reference", None if row.reference is None else answer_text(row.reference), "not bold cyan"),
        ("chosen", row.chosen, "not bold green"),
        ("rejected", row.rejected, "not bold red"),
    ]
    return [(label, value, style) for label, value, style in found if value is not None]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... {len(text) - _LONGEST:,} more characters"
