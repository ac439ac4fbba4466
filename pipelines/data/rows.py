"""What the loader returns: rows in one form, whatever the file looked like."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pipelines.data.verdicts import Comparison

Role = Literal["messages", "prompt", "context", "system", "completion", "reference", "chosen", "rejected", "desirable"]
"""`context` is a text that belongs to the prompt but has a column of its own, such as alpaca's `input`."""

Message = Mapping[str, Any]
"""One chat turn: {"role": "system" | "user" | "assistant" | "tool", "content": text}, plus tool calls for SFT."""

SHOWN_ROWS = 20
"""A finding names this many rows at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of data.

    number: its place in the file, from 1; for JSONL and CSV it is the line where the row begins.
    messages: the prompt as chat turns, the last of them the user's. completion: a demonstration, or None ("" where it
    consists of tool calls alone). tool_calls: those of the demonstration. tools: what the model may call.
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
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The last user turn as text."""
        return str(self.messages[-1]["content"]) if self.messages else ""

    @property
    def expected(self) -> object:
        """What a grader compares with: the reference, else the demonstration."""
        return self.reference if self.reference is not None else self.completion

    @property
    def is_pair(self) -> bool:
        """Whether it has a chosen and a rejected answer."""
        return self.chosen is not None and self.rejected is not None

    @property
    def is_marked(self) -> bool:
        """Whether it has an answer that is marked good or bad."""
        return self.desirable is not None and bool(self.completion)

    @property
    def demonstration(self) -> str | None:
        """What SFT imitates: the completion, unless people disliked it, else the chosen answer of a pair."""
        if self.completion is not None:
            return None if self.desirable is False else self.completion
        return self.chosen

    @property
    def answer(self) -> Message:
        """The demonstration as a chat turn, with its tool calls."""
        turn: dict[str, Any] = {"role": "assistant", "content": self.demonstration or ""}
        return {**turn, "tool_calls": list(self.tool_calls)} if self.tool_calls else turn


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of one source, with what the loader found out.

    source: the path or hub id as the user wrote it. layout: such as "messages" or "prompt+reference".
    roles: role → the column (or "template") it is read from. notes: what was recognised, one sentence each,
    to be shown to the user. comparison: where a pair follows from two answers and people's verdicts, their columns.
    """

    source: str
    layout: str
    roles: Mapping[str, str]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    comparison: Comparison | None = None

    def only(self, rows: Iterable[Row]) -> "Rows":
        """The same source with these rows alone."""
        return replace(self, rows=tuple(rows))


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
