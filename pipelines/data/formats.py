"""Rows → what trainers take: token ids with labels for SFT, prompts for GRPO. Nothing is truncated in silence."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graders.errors import UserError
from pipelines.data.render import encode
from pipelines.data.rows import Message, Row, Rows
from pipelines.data.table import listed

MOST_COPIES = 10
"""A rare label is repeated at most this often: more would have the model learn its few rows by heart."""


@dataclass(frozen=True, slots=True)
class SftExamples:
    """examples: {"input_ids", "labels"} each. row_numbers: the row of each. too_long: rows dropped for their length.

    without_demonstration: how many rows have none. notes: for the user.
    """

    examples: list[dict[str, list[int]]]
    row_numbers: list[int]
    too_long: tuple[int, ...]
    without_demonstration: int
    notes: tuple[str, ...]


def sft_examples(
    rows: Rows,
    tokenizer: Any,
    max_length: int,
    template_args: Mapping[str, Any],
    balance: Literal["none", "label"] = "none",
) -> SftExamples:
    """Rows with a demonstration, of at most `max_length` tokens. Raises UserError when none is left."""
    worked = [row for row in rows.rows if row.demonstration is not None]
    encoded = [(row, encode(tokenizer, row.messages, row.answer, template_args, row.tools)) for row in worked]
    fitting = [(row, one) for row, one in encoded if len(one.input_ids) <= max_length]
    too_long = tuple(row.number for row, one in encoded if len(one.input_ids) > max_length)
    if not fitting:
        raise _none_left(rows, len(worked), max_length)
    copies = label_copies([row for row, _ in fitting]) if balance == "label" else [1] * len(fitting)
    pairs = [pair for pair, count in zip(fitting, copies, strict=True) for _ in range(count)]
    return SftExamples(
        examples=[{"input_ids": one.input_ids, "labels": one.labels} for _, one in pairs],
        row_numbers=[row.number for row, _ in pairs],
        too_long=too_long,
        without_demonstration=len(rows.rows) - len(worked),
        notes=_notes(too_long, max_length, len(rows.rows) - len(worked), len(pairs) - len(fitting)),
    )


def label_copies(rows: Sequence[Row]) -> list[int]:
    """How often each row is taken, by how rare its completion is.

    Labels are weighted by the inverse square root of their frequency (Mahajan et al. 2018, arXiv 1805.00932),
    1 for the most frequent and MOST_COPIES at most. A weight of 2.5 takes each row of the label twice and every other
    row once more. Raises UserError when the completions are no labels.
    """
    counts = Counter(row.demonstration for row in rows)
    if len(counts) > len(rows) / 2:
        raise UserError(
            f"data.balance is label, but {len(counts)} of {len(rows)} completions differ from each other",
            "completions that are labels, each in several rows",
            "balance: none",
        )
    most = max(counts.values())
    seen: Counter[str | None] = Counter()
    copies = []
    for row in rows:
        weight = min(float(MOST_COPIES), math.sqrt(most / counts[row.demonstration]))
        before = seen[row.demonstration]
        copies.append(math.floor((before + 1) * weight) - math.floor(before * weight))
        seen[row.demonstration] += 1
    return copies


def prompt_examples(rows: Rows) -> list[dict[str, Any]]:
    """{"prompt": chat turns, "row_index": place in rows.rows} for each row, for methods that sample (GRPO, PPO)."""
    require_text(rows)
    return [{"prompt": _plain(row.messages), "row_index": index} for index, row in enumerate(rows.rows)]


def require_text(rows: Rows) -> None:
    """Raises UserError for rows with tools, which version 1 trains with SFT alone."""
    tools = [row.number for row in rows.rows if row.tools or row.tool_calls]
    if tools:
        raise UserError(
            f"rows with tools: {listed(tools)}",
            "text prompts, since RL on tools is not supported",
            "use method sft, or leave these rows out",
            rows.source,
        )


def _plain(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [dict(message) for message in messages]


def _none_left(rows: Rows, worked: int, max_length: int) -> UserError:
    if not worked:
        return UserError(
            f"none of the {len(rows.rows)} rows has a demonstration",
            "rows with an answer to learn from",
            "name its column with --column completion=NAME, or use a method that needs a grader alone",
            rows.source,
        )
    return UserError(
        f"all {worked} rows are longer than max_length, {max_length} tokens",
        "rows that fit",
        "raise max_length, or shorten the rows",
        rows.source,
    )


def _notes(too_long: tuple[int, ...], max_length: int, unworked: int, added: int) -> tuple[str, ...]:
    found = [
        f"{len(too_long)} rows are longer than {max_length} tokens and were dropped: {listed(too_long, 5)}"
        if too_long
        else "",
        f"{unworked} rows without a demonstration were not used" if unworked else "",
        f"rare labels are repeated: {added} examples more" if added else "",
    ]
    return tuple(note for note in found if note)
