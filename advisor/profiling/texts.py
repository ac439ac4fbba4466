"""How rows are read (a Reading) → the SQL of what is asked and what is answered, over all rows.

The texts equal those of the loader where it matters for counting: two rows have the same SQL text where the loader
gives both the same prompt, but for case, spaces and templates' own words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipelines.data.build import build_rows
from pipelines.data.placeholders import find_filling
from pipelines.data.roles import TEMPLATE, Reading
from pipelines.data.spec import DataSpec
from pipelines.data.table import Table
from pipelines.data.template import template_columns
from pipelines.data.text import parse_json
from pipelines.data.turns import ANSWERERS, ROLE_KEYS, TEXT_KEYS, read_turns

_LOOKED_AT = 1_000
_SEPARATOR = "chr(10)"
_NAMES = ", ".join(f"'{name}'" for name in ANSWERERS)
_ANSWERED = f"coalesce(lower(turns[-1].r) IN ({_NAMES}), false)"
_KEPT = f"CASE WHEN {_ANSWERED} THEN turns[:-2] ELSE turns END"
_BEFORE_ANSWER = f"array_to_string(list_transform({_KEPT}, lambda t: t.c), {_SEPARATOR})"
_LAST_ANSWER = f"CASE WHEN {_ANSWERED} THEN turns[-1].c END"


@dataclass(frozen=True, slots=True)
class Texts:
    """columns: all that are read. turns: SQL over c0, c1, ... of these columns, a conversation as a list of (r: role,
    c: content), NULL where there is none. asked, answer: SQL over these and `turns`, None where no column plays the
    role. shown: the demonstration where it is not the answer. judged: the same prompt may rightly have several answers
    (pairs, ratings)."""

    columns: tuple[str, ...]
    turns: str
    asked: str | None
    answer: str | None
    shown: str | None
    judged: bool


def texts_of(reading: Reading, spec: DataSpec, table: Table) -> Texts:
    """The SQL for rows that are read so."""
    columns = table.columns
    cell = {name: f"c{place}" for place, name in enumerate(columns)}
    found = reading.columns
    judged = "chosen" in found or "desirable" in found or reading.comparison is not None
    asked = [cell[name] for template in (spec.system, spec.prompt) for name in template_columns(template, columns)]
    answer, turns = _answer(reading, cell), "NULL"
    if "messages" in found:
        turns = _turns(cell[found["messages"]], _example(table, found["messages"]))
        asked += [] if spec.prompt else [_BEFORE_ANSWER]
        answer = answer or (_LAST_ANSWER if found.get("completion") == found["messages"] else None)
    elif "chosen" in found and "prompt" not in found:
        turns, before, answer = _pair(cell[found["chosen"]], _example(table, found["chosen"]))
        asked += before
    asked += [cell[name] for name in _filling(reading, spec, table)]
    asked += [cell[found[role]] for role in ("system", "context", "prompt") if found.get(role, TEMPLATE) in cell]
    completion = found.get("completion")
    shown = cell[completion] if completion in cell and completion != found.get("messages") else None
    return Texts(columns, turns, _joined(list(dict.fromkeys(asked))), answer, shown, judged)


def _filling(reading: Reading, spec: DataSpec, table: Table) -> list[str]:
    """The column whose values stand for the places of a prompt: with others it is another prompt."""
    if spec.placeholders == "keep":
        return []
    found = find_filling(build_rows(replace(table, rows=table.rows[:_LOOKED_AT]), reading, spec))
    return [] if found is None else [found.column]


def _joined(parts: list[str]) -> str | None:
    if len(parts) > 1:
        return f"concat_ws({_SEPARATOR}, {', '.join(parts)})"
    return parts[0] if parts else None


def _answer(reading: Reading, cell: Mapping[str, str]) -> str | None:
    """What a right answer is compared with: the reference, else the demonstration, as Row.expected has it."""
    if reading.fields:
        return _joined([cell[name] for name in reading.fields])
    roles = [reading.columns.get(role) for role in ("reference", "completion", "chosen")]
    named = [cell[name] for name in roles if name is not None and name != reading.columns.get("messages")]
    if not named:
        return None
    filled = ", ".join(f"nullif({name}, '')" for name in named)
    return named[0] if len(named) == 1 else f"coalesce({filled})"


def _pair(cell: str, example: Any) -> tuple[str, list[str], str]:
    """(turns, the prompt, the answer) within `chosen`: the turns before the last, or the transcript before it."""
    if read_turns(example) is None:
        return "NULL", [], cell
    if isinstance(example, str) and not example.lstrip().startswith(("[", "{")):
        answer = f"string_split({cell}, chr(10) || chr(10) || 'Assistant:')[-1]"
        return "NULL", [f"left({cell}, length({cell}) - length({answer}))"], answer
    return _turns(cell, example), [_BEFORE_ANSWER], _LAST_ANSWER


def _example(table: Table, column: str) -> Any:
    return next((cells[column] for _, cells in table.rows if cells.get(column)), None)


def _turns(cell: str, example: Any) -> str:
    """A list of (role, content) structs; NULL where the cell is no such list."""
    turns = parse_json(example) if isinstance(example, str) else example
    turns = turns.get("messages", [turns]) if isinstance(turns, Mapping) else turns
    wrapped = isinstance(example, Mapping) and "messages" in example
    first: Mapping[str, Any] = turns[0] if turns and isinstance(turns[0], Mapping) else {}
    role = next((key for key in ROLE_KEYS if key in first), ROLE_KEYS[0])
    content = next((key for key in TEXT_KEYS if key in first), TEXT_KEYS[0])
    form = f'[{{"{role}":"VARCHAR","{content}":"VARCHAR"}}]'
    listed = f"json_extract_string({cell}, '/messages')" if wrapped else cell
    turn = f"{{'r': t.{role}, 'c': coalesce(t.{content}, '')}}"
    return f"TRY(list_transform(from_json({listed}, '{form}'), lambda t: {turn}))"
