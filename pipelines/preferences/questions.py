"""What people are asked: a prompt with completions that a stage `label` sampled, into a file that may still grow."""

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipelines.data.rows import Message, Row
from pipelines.preferences.answers import Turn

CANDIDATES = "candidates.jsonl"
"""The file's name in the folder of its stage."""
GAPS = "gaps.json"
"""Beside it, where a grader scored the completions: see read_gaps."""
_ROLES = ("system", "user", "assistant")


class Question(BaseModel):
    """A prompt and its distinct completions, in the order they were sampled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Turn, ...]
    completions: tuple[str, ...]

    @property
    def id(self) -> str:
        """First 16 digits of a SHA-256 over the prompt and its completions, in whatever order these stand."""
        return question_id(self.messages, self.completions)

    def order(self, annotator: str) -> list[int]:
        """The places of the completions as this annotator is shown them: drawn anew for each, always the same."""
        places = list(range(len(self.completions)))
        random.Random(f"{self.id} {annotator}").shuffle(places)
        return places


def question_id(messages: Sequence[Turn], completions: Sequence[str]) -> str:
    """Names a question; an answer to it has the same one."""
    told = [[[turn.role, turn.content] for turn in messages], sorted(completions)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def is_plain(row: Row) -> bool:
    """Whether the row's prompt is text alone; people are not shown calls of tools."""
    turns = row.messages
    return not row.tools and all(turn["role"] in _ROLES and not turn.get("tool_calls") for turn in turns)


def as_turns(messages: Iterable[Message]) -> tuple[Turn, ...]:
    """A row's prompt without what only a trainer needs."""
    return tuple(Turn(role=turn["role"], content=turn["content"]) for turn in messages)


def read_candidates(path: Path) -> list[Question]:
    """What stands in the file so far, prompts with a single completion among it; a last line still written is left."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [Question.model_validate_json(line) for line in lines if line.strip()]


def read_gaps(path: Path) -> dict[str, float]:
    """A question's id → how far the scores of its completions lie apart; {} where no grader scored them."""
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def add_candidates(path: Path, questions: Iterable[Question]) -> None:
    """Appends; a last line that a crash cut is taken away first."""
    whole = path.read_bytes() if path.exists() else b""
    with path.open("r+b" if whole else "wb") as file:
        file.truncate(whole.rfind(b"\n") + 1)
        file.seek(0, 2)
        file.write("".join(question.model_dump_json() + "\n" for question in questions).encode())
