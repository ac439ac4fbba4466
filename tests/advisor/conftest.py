"""Made-up data sets, as files and as rows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.data.rows import Row, Rows

FRUIT = ["plums", "pears", "figs", "limes", "melons"]


def word_problem(number: int) -> tuple[str, str, str]:
    """(question, worked answer, bare answer)."""
    have, more = 3 + number % 17, 2 + number % 5
    fruit = FRUIT[number % 5]
    question = f"Basket {number} holds {have} {fruit} and Ada adds {more} more. How many {fruit} does it hold then?"
    return (
        question,
        f"Ada adds {more} to {have}.\n{have} + {more} = {have + more}\n#### {have + more}",
        str(have + more),
    )


def sums(worked: bool, num_rows: int = 240) -> list[dict[str, Any]]:
    problems = [word_problem(number) for number in range(num_rows)]
    return [{"question": question, "answer": long if worked else bare} for question, long, bare in problems]


def labels(num_rows: int = 260) -> list[dict[str, Any]]:
    names = ["refund"] * 20 + ["delivery"] * 4 + ["praise"] * 2
    return [{"text": f"Message {number} about it", "label": names[number % 26]} for number in range(num_rows)]


def pairs(num_rows: int = 220) -> list[dict[str, Any]]:
    return [
        {"prompt": f"Please help with parcel {n}.", "chosen": f"Gladly! Parcel {n} is on its way.", "rejected": "No."}
        for n in range(num_rows)
    ]


def texts(num_rows: int = 220) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Describe garden {n}.",
            "completion": f"Garden {n} has a long wall and a pond with {n} frogs in it.",
        }
        for n in range(num_rows)
    ]


def fields(num_rows: int = 220) -> list[dict[str, Any]]:
    return [
        {"text": f"Invoice {n} of Miller, {n} euro", "reference": {"number": n, "payer": "Miller"}}
        for n in range(num_rows)
    ]


@pytest.fixture(autouse=True)
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """`init` tries no model, which takes ten seconds, but where a test is about that: its module overrides this."""
    monkeypatch.setattr("advisor.defaults.probe_seconds", lambda *_: None)


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows to a file of this name."""

    def write(rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def made(rows: list[Row], layout: str = "prompt+completion", roles: dict[str, str] | None = None) -> Rows:
    """Rows as a loader would give them."""
    return Rows("made.jsonl", layout, roles or {"prompt": "question", "completion": "answer"}, tuple(rows))


def row(number: int, prompt: str, **kind: Any) -> Row:
    return Row(number, ({"role": "user", "content": prompt},), **kind)
