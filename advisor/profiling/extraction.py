"""Whether answers are taken out of the prompt's text, and which of them are not to be found there. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.data.answer_kind import answer_text
from pipelines.data.rows import Row
from pipelines.data.text import parse_json

_EXTRACTED = 0.8
"""Ours: where so many rows' values stand in the prompt word for word, the task is to find them there."""
_FEWEST = 10
_ALL = "answer"


@dataclass(frozen=True, slots=True)
class Missing:
    """field: of a JSON answer, or "answer". rows: those whose value is not in the prompt, of `of` that have one.
    across_lines: how many of these are there once spaces, line ends and case are disregarded."""

    field: str
    rows: tuple[Row, ...]
    of: int
    across_lines: int


def missing_labels(rows: Sequence[Row], kind: str) -> list[Missing]:
    """Fields with values that are not in the text, if this is extraction: most values of some field are."""
    if kind not in ("json", "short_text"):
        return []
    seen: dict[str, list[tuple[Row, str]]] = defaultdict(list)
    for row in rows:
        for field, value in _values(row):
            if value.strip():
                seen[field].append((row, value.strip()))
    asked = {field: pairs for field, pairs in seen.items() if len(pairs) >= _FEWEST}
    found = {field: [value in row.prompt for row, value in pairs] for field, pairs in asked.items()}
    if not any(sum(hits) >= _EXTRACTED * len(hits) for hits in found.values()):
        return []
    missing = []
    for field, pairs in asked.items():
        gone = [pair for pair, there in zip(pairs, found[field], strict=True) if not there]
        across = sum(_flat(value) in _flat(row.prompt) for row, value in gone)
        if gone:
            missing.append(Missing(field, tuple(row for row, _ in gone), len(pairs), across))
    return sorted(missing, key=lambda one: -len(one.rows) / one.of)


def _values(row: Row) -> Iterable[tuple[str, str]]:
    if row.expected is None:
        return []
    value = _object(row.expected)
    if value is None:
        return [(_ALL, answer_text(row.expected))]
    return [(str(key), str(inner)) for key, inner in value.items() if isinstance(inner, str | int | float)]


def _object(value: object) -> Mapping[str, Any] | None:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = parse_json(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def _flat(text: str) -> str:
    return "".join(text.casefold().split())
