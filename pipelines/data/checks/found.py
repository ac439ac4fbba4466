"""How a check states what it found."""

from collections.abc import Iterable
from typing import Literal

from pipelines.data.rows import SHOWN_ROWS, Finding, Row


def found(
    check: str, severity: Literal["error", "warning", "note"], rows: Iterable[Row], message: str, fix: str = ""
) -> list[Finding]:
    """One finding over these rows, or none when there are none. `{n}` in the message is their number."""
    numbers = [row.number for row in rows]
    if not numbers:
        return []
    shown = tuple(dict.fromkeys(numbers))[:SHOWN_ROWS]  # a ranking gives several pairs of one line
    return [Finding(check, severity, message.replace("{n}", str(len(numbers))), len(numbers), shown, fix)]
