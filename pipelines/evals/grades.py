"""The grades of one model's answers, one record a row, kept so that a person can argue with any of them.

The file is JSON Lines in UTF-8, written atomically, in the order given.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graders.errors import UserError
from pipelines.files import write_text

REGRESSION = "regression.jsonl"
"""Beside grades.jsonl: an evaluation's answers to the rows that must not get worse."""


class GradedRow(BaseModel):
    """One answer and its grade.

    index: the row's number in its file. prompt_key: equal for rows with the same prompt (data/split.py's prompt_hash).
    score, passed: None when unscored. num_tokens: of the whole answer. truncated: it ran into the length limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    prompt: str
    prompt_key: str
    completion: str
    reasoning: str = ""
    reference: Any = None
    score: float | None = Field(ge=0, le=1, allow_inf_nan=False)
    passed: bool | None
    reason: str
    extracted: str | None = None
    raw: float | None = None
    parts: dict[str, float | None] = Field(default_factory=dict)
    num_tokens: int = Field(ge=0)
    truncated: bool = False


def unscored_in_words(rows: Sequence[GradedRow]) -> str:
    """How many the grader could not judge, and why for the first of them; "" where it judged all."""
    unscored = [row for row in rows if row.score is None]
    if not unscored:
        return ""
    why = " ".join(unscored[0].reason.split())[:200]
    return f"{len(unscored)} of {len(rows)} rows are unscored, for example row {unscored[0].index}: {why}"


def write_grades(path: Path, rows: Iterable[GradedRow]) -> None:
    """One JSON object a line. What JSON has no form for (a date) becomes text. Raises UserError as write_text."""
    lines = (json.dumps(row.model_dump(), ensure_ascii=False, default=str) + "\n" for row in rows)
    write_text(path, "".join(lines))


def read_grades(path: Path) -> list[GradedRow]:
    """Raises UserError with file and line when the file is missing or a line is no record."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: answers may hold U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the grades: {error}", fix="run the evaluation again", where=str(path)) from error
    return [_parsed(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line]


def _parsed(line: str, where: str) -> GradedRow:
    try:
        return GradedRow.model_validate(json.loads(line))
    except (ValueError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise UserError(f"this is no graded row: {first}", fix="run the evaluation again", where=where) from error
