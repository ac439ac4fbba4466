"""JSON and JSON lines → a Table. NaN and Infinity, which other programs write for "nothing", are read as null."""

import json
from collections.abc import Iterator
from typing import Any

from graders.errors import UserError
from pipelines.data.table import Cells, Table, listed, make_table
from pipelines.data.text import parse_json

LIST_KEYS = ("data", "rows", "examples", "train", "items", "records", "instances", "samples", "results")
"""Where a JSON object may keep its list of rows."""


def read_json_lines(text: str, where: str) -> Table:
    """One object a line; empty lines are passed over."""
    counter = _Constants()
    rows: list[tuple[int, Cells]] = []
    broken: list[tuple[int, str]] = []
    for number, line in _lines(text):
        try:
            value = parse_json(line, counter)
        except ValueError as error:
            column = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            broken.append((number, f"not valid JSON: {_reason(error)}{column}"))
            continue
        if isinstance(value, dict):
            rows.append((number, value))
        else:
            broken.append((number, f"a JSON {_kind(value)}"))
    if broken:
        raise _broken(broken, where)
    return _unwrapped(make_table(where, rows, counter.notes))


def read_json(text: str, where: str) -> Table:
    """A list of objects, or an object that keeps such a list under a usual key. JSON lines are recognised too."""
    counter = _Constants()
    try:
        value = parse_json(text, counter)
    except ValueError as error:
        if _looks_like_lines(text):
            return read_json_lines(text, where)
        is_json = text.lstrip().startswith(("[", "{"))
        mend = "mend this line; a file with one object a line is JSON lines, and is read as well"
        raise UserError(
            f"not valid JSON: {_reason(error)}",
            "a list of objects: [{...}, {...}]",
            mend if is_json else "if this is a table, name it .csv or .tsv",
            f"{where}:{error.lineno}" if isinstance(error, json.JSONDecodeError) else where,
        ) from error
    rows, notes = _row_list(value, where)
    return _unwrapped(make_table(where, list(enumerate(rows, start=1)), notes + counter.notes))


class _Constants:
    """Stands in for NaN and Infinity, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _name: str) -> None:
        self.count += 1

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"NaN or Infinity was read as empty: {self.count} times",) if self.count else ()


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # str.splitlines would also split at U+2028 and its like, which JSON allows inside a text.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _looks_like_lines(text: str) -> bool:
    """Whether the first line is whole on its own."""
    first = next((line for _, line in _lines(text)), "")
    try:
        return isinstance(parse_json(first), dict | list)
    except ValueError:
        return False


def _reason(error: ValueError) -> str:
    return error.msg.removesuffix(" at") if isinstance(error, json.JSONDecodeError) else str(error).split(";")[0]


def _broken(broken: list[tuple[int, str]], where: str) -> UserError:
    number, what = broken[0]
    more = f" (also lines {listed((line for line, _ in broken[1:]), 5)})" if len(broken) > 1 else ""
    return UserError(
        what + more,
        'one JSON object a line, such as {"prompt": "...", "completion": "..."}',
        "mend or remove it",
        f"{where}:{number}",
    )


def _row_list(value: Any, where: str) -> tuple[list[Cells], tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if isinstance(value, dict):
        key = _list_key(value, where)
        value, notes = value[key], (f'the rows are the list under "{key}"',)
    if not isinstance(value, list):
        raise UserError(f"a JSON {_kind(value)}", "a list of objects: [{...}, {...}]", where=where)
    for number, item in enumerate(value, start=1):
        if not isinstance(item, dict):
            raise UserError(
                f"item {number} of the list is a {_kind(item)}",
                'objects with named columns, such as {"prompt": "...", "completion": "..."}',
                where=where,
            )
    return value, notes


def _list_key(value: dict[str, Any], where: str) -> str:
    lists = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
    known = [key for key in lists if key.casefold() in LIST_KEYS]
    if len(known) == 1 or (len(value) == 1 and lists):
        return (known or lists)[0]
    if len(known) > 1:
        raise UserError(
            f"several lists of rows: {listed(known)}",
            "one list of rows a file",
            "save each list in a file of its own and name them with --data, --validation and --test",
            where,
        )
    raise UserError(
        f"a JSON object with the keys {listed(value, 8)}",
        f"a list of rows, or an object that keeps it under one of: {', '.join(LIST_KEYS)}",
        "save the list of rows alone, or one object a line (.jsonl)",
        where,
    )


def _unwrapped(table: Table) -> Table:
    """Rows of the form {"item": {...}}, as OpenAI's evals have them, become what they hold."""
    if table.columns != ("item",) or not all(isinstance(cells["item"], dict) for _, cells in table.rows):
        return table
    rows = [(number, cells["item"]) for number, cells in table.rows]
    return make_table(table.source, rows, (*table.notes, 'each row was taken out of its "item"'))


def _kind(value: Any) -> str:
    kinds = {dict: "object", list: "list", str: "text", bool: "true/false", type(None): "null"}
    return kinds.get(type(value), "number")
