"""Sets as models and data write them: JSON lists and objects, or text with separators → distinct items.

In: a JSON value or text. Out: items, each a label or a name–value pair, or a ValueError that says why there is no set.
Names and values are compared without case, quotes, brackets at their ends, and runs of spaces; 4.0 is 4.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graders.json_values import parsed, unfenced
from graders.texts import short

BULLET = re.compile(r"^\s*(?:[-*•·–]\s+|\(?[0-9]{1,3}(?:[.)]\s+|、))")
_BETWEEN = re.compile(r"[,，、;；]")
_BETWEEN_PAIRS = re.compile(r"(?<![0-9])[,，、;；]|[,，、;；](?![0-9]{3}(?![0-9]))")  # not the comma of 1,200
_PAIR = re.compile(r"[:：=]")
_TRIM = " \t\r\n\"'`*[](){}“”‘’「」"


@dataclass(frozen=True, slots=True)
class Item:
    """name: None for a label. value: the label, or the pair's value. text: as it is shown; it does not count."""

    name: str | None
    value: str | float
    text: str = field(compare=False)

    @property
    def is_pair(self) -> bool:
        return self.name is not None


def items(source: object, limit: int, pairs: bool | None = None) -> list[Item]:
    """The distinct items, in order; none for [] and {}, and only for these.

    pairs: whether text may hold pairs; None: it does when all its items have a colon or an equals sign.
    Raises ValueError when there is nothing to read or more than `limit` items.
    """
    found: dict[Item, None] = {}
    for item in _read(source, pairs):
        found.setdefault(item)
        if len(found) > limit:
            raise ValueError(f"it has more than {limit} items")
    return list(found)


def _read(source: object, pairs: bool | None) -> Iterator[Item]:
    value = _value(source) if isinstance(source, str) else source
    if isinstance(value, Mapping):
        return _pairs(value, "")
    if isinstance(value, list | tuple):
        return (item for element in value for item in _element(element))
    if value is None or (isinstance(value, float) and math.isnan(value)) or not str(value).strip():
        raise ValueError("it is empty")
    return iter(_split(str(value), pairs))


def _value(text: str) -> object:
    """The JSON of a text that is a list or an object; else the text."""
    inside = unfenced(text).strip()
    if inside[:1] not in ("[", "{"):
        return inside
    try:
        return parsed(inside)
    except ValueError:
        return inside


def _element(element: object) -> Iterator[Item]:
    if not isinstance(element, Mapping):
        yield _label(element)
    elif {str(key).casefold() for key in element} in ({"name", "value"}, {"key", "value"}):
        name, value = (element[key] for key in sorted(element, key=lambda key: str(key).casefold() == "value"))
        yield _pair(str(name), value)
    else:
        yield from _pairs(element, "")


def _pairs(mapping: Mapping[object, object], above: str) -> Iterator[Item]:
    for key, value in mapping.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            yield from _pairs(value, f"{name}.")
        elif isinstance(value, list):
            yield from (_pair(name, inner) for inner in value)
        else:
            yield _pair(name, value)


def _split(text: str, pairs: bool | None) -> list[Item]:
    between = _BETWEEN if pairs is False else _BETWEEN_PAIRS
    lines = (BULLET.sub("", line) for line in text.splitlines())
    pieces = [piece for line in lines for piece in between.split(line) if piece.strip(_TRIM)]
    if not pieces:
        raise ValueError(f"it holds no item: {short(text)}")
    if pairs is None and not all(_PAIR.search(piece) for piece in pieces):
        return _split(text, pairs=False)
    if pairs is False:
        return [_label(piece) for piece in pieces]
    return [_of_piece(piece) for piece in pieces]


def _of_piece(piece: str) -> Item:
    name, between, value = piece.partition(match.group()) if (match := _PAIR.search(piece)) else (piece, "", "")
    return _pair(name, value) if between else _label(piece)


def _label(value: object) -> Item:
    return Item(None, _normal(value), _shown(value))


def _pair(name: str, value: object) -> Item:
    return Item(_normal(name), _normal(value), f"{name.strip(_TRIM)}: {_shown(value)}")


def _normal(value: object) -> str:
    return " ".join(plain_text(value).casefold().strip(_TRIM).split())


def _shown(value: object) -> str:
    return " ".join(plain_text(value)[:200].strip(_TRIM).split())


def plain_text(value: object) -> str:
    """A JSON value as people write it: true, null, 4 for 4.0."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)
