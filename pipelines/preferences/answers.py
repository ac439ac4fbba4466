"""A file of preferences: one JSON line for each answer that an annotator gave. It is what a team commits.

An answer ranks some completions of one prompt: best first, ties together. From a ranking follow its pairs.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from graders.errors import UserError
from pipelines.data.rows import Message


class Turn(BaseModel):
    """One chat turn of the prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str


class Answer(BaseModel):
    """What one annotator said of the completions of one prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Turn, ...] = Field(min_length=1, description="The prompt as chat turns.")
    completions: tuple[str, ...] = Field(min_length=2, description="What was compared, in the order it was sampled.")
    ranking: tuple[tuple[int, ...], ...] = Field(
        description="Places in `completions`, best first; those of one group are as good as each other."
    )
    both_bad: bool = Field(False, description="None of them is good enough; the ranking still counts.")
    note: str = ""
    annotator: str = Field(min_length=1, description="Who answered; a judge's model by its name.")
    source: Literal["person", "judge", "import"] = "person"
    given: str = Field("", description="When, ISO 8601.")

    @model_validator(mode="after")
    def _each_place_once(self) -> Self:
        places = [place for group in self.ranking for place in group]
        wrong = [place for place in places if not 0 <= place < len(self.completions)]
        if wrong:
            raise ValueError(f"ranking names completion {wrong[0]}, but there are {len(self.completions)} (from 0)")
        if len(set(places)) < len(places):
            raise ValueError("ranking names a completion twice")
        if any(not group for group in self.ranking):
            raise ValueError("ranking has an empty group")
        return self

    @property
    def prompt_id(self) -> str:
        """First 16 digits of the SHA-256 of the prompt."""
        return prompt_id([turn.model_dump() for turn in self.messages])


@dataclass(frozen=True, slots=True)
class Preference:
    """chosen is preferred to rejected; margin: how many groups of the ranking lie between them, 1 for neighbours."""

    answer: Answer
    chosen: str
    rejected: str
    margin: int


def prompt_id(messages: Sequence[Message]) -> str:
    """First 16 digits of the SHA-256 of a prompt's turns."""
    told = json.dumps([[turn["role"], turn["content"]] for turn in messages], ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def preferences(answer: Answer) -> list[Preference]:
    """Every pair that a ranking decides; none between ties, nor of completions that it leaves out."""
    ranked = [(place, rank) for rank, group in enumerate(answer.ranking) for place in group]
    return [
        Preference(answer, answer.completions[better], answer.completions[worse], low - high)
        for (better, high), (worse, low) in combinations(ranked, 2)
        if low > high
    ]


def ties(answer: Answer) -> list[tuple[str, str]]:
    """Every pair of different completions that a ranking finds as good as each other."""
    groups = [[answer.completions[place] for place in group] for group in answer.ranking]
    return [(one, other) for group in groups for one, other in combinations(group, 2) if one != other]


def read_answers(path: Path) -> list[Answer]:
    """Raises UserError with the line of what cannot be read."""
    lines = numbered_lines(path.read_text(encoding="utf-8"))
    return [read_answer(line, f"{path}:{number}") for number, line in lines]


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """The lines that hold anything, from 1."""
    return [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def read_answer(line: str, where: str) -> Answer:
    """Raises UserError for what is no answer."""
    try:
        return Answer.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors()[0]
        at = ".".join(map(str, fault["loc"]))
        happened = f"{at}: {fault['msg']}" if at else fault["msg"]
        raise UserError(happened, "an answer as `finetune-advisor label` writes it", where=where) from None


def answer_lines(answers: Iterable[Answer]) -> str:
    """The file's text; defaults are left out."""
    return "".join(answer.model_dump_json(exclude_defaults=True) + "\n" for answer in answers)
