"""What the loader returns: rows in one form, whatever the file looked like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["messages", "prompt", "system", "completion", "reference", "chosen", "rejected", "desirable"]
Message = Mapping[str, Any]
"""One chat turn: {"role": "system" | "user" | "assistant" | "tool", "content": text}, plus tool calls for SFT."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of data.

    number: its place in the file, from 1; for JSONL and CSV it is the line where the row begins.
    messages: the prompt as chat turns, the last of them the user's. completion: a demonstration, or None.
    reference: what a right answer is compared with, or None. chosen, rejected: a preference pair.
    desirable: a thumbs up or down on `completion` (KTO). columns: the whole row as read.
    """

    number: int
    messages: tuple[Message, ...]
    completion: str | None = None
    reference: object = None
    chosen: str | None = None
    rejected: str | None = None
    desirable: bool | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The last user turn as text."""
        return str(self.messages[-1]["content"]) if self.messages else ""

    @property
    def expected(self) -> object:
        """What a grader compares with: the reference, else the demonstration."""
        return self.reference if self.reference is not None else self.completion


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of one source, with what the loader found out.

    source: the path or hub id as the user wrote it. layout: such as "messages" or "prompt+reference".
    roles: role → the column (or "template") it is read from. notes: what was recognised, one sentence each,
    to be shown to the user.
    """

    source: str
    layout: str
    roles: Mapping[str, str]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """Three parts that share no prompt. validation is empty when there were too few rows for one."""

    train: Rows
    validation: Rows
    test: Rows
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. rows: row numbers (the first 20 when there are more; `count` is the true number)."""

    check: str
    severity: Literal["error", "warning", "note"]
    message: str
    count: int
    rows: tuple[int, ...] = ()
    fix: str = ""
