"""Checks of prompts and of whole rows."""

import json
import re

from pipelines.data.checks.found import found
from pipelines.data.other_layout import other_layout
from pipelines.data.rows import Finding, Row, Rows

LONG_ROW = 40_000
"""Characters; about 10,000 tokens of English, which is more than most training runs on one GPU hold."""

_DAMAGED = re.compile("\ufffd|Ã[\x80-\xbf]|â€|Â[\xa0-\xbf]")
"""The replacement character, and UTF-8 that was read as Windows-1252."""


def empty_prompts(rows: Rows) -> list[Finding]:
    """No turns, or a last turn without text; apart from these, rows that another layout would give a prompt."""
    layout, numbers = other_layout(rows)
    empty = [row for row in rows.rows if not row.prompt.strip()]
    other = [row for row in empty if row.number in numbers]
    bare = [row for row in empty if row.number not in numbers]
    message = f"{{n}} rows have another layout than {rows.layout}: {layout}"
    fix = "write all rows in one layout, or each in a file of its own"
    return [
        *found("mixed_layouts", "error", other, message, fix),
        *found("empty_prompts", "error", bare, "{n} rows have no prompt", "fill it in, or remove these rows"),
    ]


def duplicate_rows(rows: Rows) -> list[Finding]:
    """Rows whose columns are all equal to those of an earlier row."""
    seen: set[str] = set()
    repeated = []
    for row in rows.rows:
        key = json.dumps(row.columns, sort_keys=True, default=str)
        if key in seen:
            repeated.append(row)
        seen.add(key)
    return found("duplicate_rows", "warning", repeated, "{n} rows repeat an earlier row", "remove them")


def damaged_text(rows: Rows) -> list[Finding]:
    """Text that went through a wrong encoding."""
    damaged = [row for row in rows.rows if _DAMAGED.search(_text(row))]
    message = "{n} rows hold text that was read in a wrong encoding, such as Ã© for é"
    return found("damaged_text", "warning", damaged, message, "export the data again as UTF-8")


def long_rows(rows: Rows) -> list[Finding]:
    """Rows that will hardly fit."""
    long = [row for row in rows.rows if len(_text(row)) > LONG_ROW]
    message = f"{{n}} rows are longer than {LONG_ROW:,} characters"
    return found("long_rows", "warning", long, message, "shorten them; those over the length limit are dropped")


def _text(row: Row) -> str:
    answers = (row.completion, row.chosen, row.rejected)
    return "\n".join([*(str(turn["content"]) for turn in row.messages), *(text for text in answers if text)])
