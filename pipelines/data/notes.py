"""What the loader understood, in sentences for the user."""

import json
import re
from collections.abc import Sequence

from pipelines.data.roles import Reading
from pipelines.data.rows import Row
from pipelines.data.text import parse_json

_NUMBER = re.compile(r"[-+]?[$€£]?\d[\d,. ]*(/\d+)?%?")
_MOST = 0.95
_SHORT = 40


def row_notes(reading: Reading, rows: Sequence[Row]) -> tuple[str, ...]:
    """Layout and roles first, then what the answers look like, then what will not be used."""
    found = [_recognised(reading), _answers(reading, rows), _unanswered(rows), _pairs(reading, rows)]
    found.append(_earlier_turns(rows))
    return tuple(note for note in found if note)


def _recognised(reading: Reading) -> str:
    roles = reading.roles
    if "messages" in roles and roles.get("completion") == roles["messages"]:
        roles["completion"] = f"the last assistant turn of {roles['messages']}"
    columns = ", ".join(f"{role} = {column}" for role, column in roles.items())
    return f"recognised as {reading.layout}: {columns}"


def _answers(reading: Reading, rows: Sequence[Row]) -> str:
    """What kind of answers these are, when nearly all are of one kind."""
    role = "completion" if "completion" in reading.roles else "reference"
    answers = [
        text.strip() for row in rows if (text := row.completion if role == "completion" else _text(row.reference))
    ]
    if not answers or (role == "reference" and reading.fields):
        return ""
    total = f"of {len(answers)}"
    if (numbers := sum(bool(_NUMBER.fullmatch(answer)) for answer in answers)) >= _MOST * len(answers):
        return f"answers are bare numbers, no worked steps: {numbers} {total}"
    if (objects := sum(_is_object(answer) for answer in answers)) >= _MOST * len(answers):
        return f"answers are JSON objects: {objects} {total}"
    kinds = len(set(answers))
    if 2 <= kinds <= len(answers) // 5 and max(map(len, answers)) <= 2 * _SHORT:
        return f"answers are labels: {kinds} kinds in {len(answers)} rows"
    if (short := sum(len(answer) <= _SHORT and "\n" not in answer for answer in answers)) >= _MOST * len(answers):
        return f"answers are short, no worked steps: {short} {total}"
    return ""


def _text(reference: object) -> str:
    return reference if isinstance(reference, str) else "" if reference is None else json.dumps(reference, default=str)


def _is_object(text: str) -> bool:
    try:
        return text.startswith("{") and isinstance(parse_json(text), dict)
    except ValueError:
        return False


def _unanswered(rows: Sequence[Row]) -> str:
    worked = sum(row.completion is not None for row in rows)
    compared = sum(row.completion is None and row.reference is not None for row in rows)
    if not worked or worked == len(rows):
        return ""
    if compared == len(rows) - worked:
        return f"{worked} rows have a demonstration; the other {compared} have a reference alone"
    return f"{worked} rows have a demonstration; {compared} of the other {len(rows) - worked} have a reference alone"


def _pairs(reading: Reading, rows: Sequence[Row]) -> str:
    if "chosen" not in reading.roles:
        return ""
    unusable = sum(row.chosen is None for row in rows)
    why = "ties or no verdict" if reading.comparison else "a side is empty, or the two sides answer different prompts"
    return f"{unusable} of {len(rows)} rows give no pair: {why}" if unusable else ""


def _earlier_turns(rows: Sequence[Row]) -> str:
    count = sum(any(turn["role"] == "assistant" for turn in row.messages) for row in rows)
    return (
        f"only the last assistant turn is trained; {count} rows have earlier ones, which are context" if count else ""
    )
