"""JSON as models write it: found in a completion, parsed, and laid out as paths: `address.city`, `items[0].name`.

In: a completion of any size. Out: values, or a ValueError that says what is wrong, never another exception.
Limits: JSON deeper than 40 levels, or with more than 2,000,000 characters of paths, is not read.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping

from graders.texts import short

_MAX_DEPTH = 40
_MAX_PATH_CHARS = 2_000_000  # long keys above long lists would make gigabytes of paths from a megabyte
_FENCE = re.compile(r"^[ \t]*```[^\n`]*$", re.MULTILINE)
_OPENED = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder()
_MAX_FAILS = 20  # brackets in prose that open no JSON; each may cost a reading to the end
_PLACE = re.compile(r"\[\d+\]")


def unfenced(text: str) -> str:
    """The inside of the last ``` block; the text itself when there is none. An unclosed block goes to the end."""
    marks = list(_FENCE.finditer(text))
    if not marks:
        return text
    if len(marks) % 2:
        return text[marks[-1].end() :]
    return text[marks[-2].end() : marks[-1].start()]


def json_part(text: str) -> str:
    """The JSON in a completion: the inside of the last ``` block, else all of it; of prose the last object in it, or
    the last list where it has no object.
    """
    inside = unfenced(text)
    bare = inside.strip()
    if not bare or (bare[0] in "{[" and bare[-1] in "}]"):
        return inside
    found: dict[type, str] = {}
    place = fails = 0
    while fails < _MAX_FAILS and (opened := _OPENED.search(inside, place)):
        try:
            value, place = _DECODER.raw_decode(inside, opened.start())
            found[type(value)] = inside[opened.start() : place]
        except (ValueError, RecursionError):
            fails, place = fails + 1, opened.end()
    return found.get(dict, found.get(list, inside))


def parsed(text: str) -> object:
    """The value of a JSON text. Raises ValueError."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos}: {short(text)}") from None
    _check_depth(value, _MAX_DEPTH)
    return value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _check_depth(value: object, room: int) -> None:
    if room == 0:
        raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(item, dict | list):
            _check_depth(item, room - 1)


def kind(value: object) -> str:
    """The JSON type of a value, in Python's words; int and float are one."""
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


def leaves(value: object, whole: Collection[str] = ()) -> dict[str, object]:
    """Path → leaf value; an empty mapping or list is a leaf, and so is all of a value whose path is in `whole`.

    A path in `whole` may say [*] for any place. Raises ValueError when the value is neither mapping nor list.
    """
    if not isinstance(value, Mapping | list):
        raise ValueError(f"{short(value)} is no mapping or list")
    found: dict[str, object] = {}
    room = _MAX_PATH_CHARS
    for path, leaf in _walk(value, "", _MAX_DEPTH, whole) if value else ():
        found[path] = leaf
        room -= len(path)
        if room < 0:
            raise ValueError("too many fields, or too long names")
    return found


def any_place(path: str) -> str:
    """`items[3].name` → `items[*].name`."""
    return _PLACE.sub("[*]", path)


def ancestors(path: str) -> Iterator[str]:
    """`items[3].name` → `items`, `items[3]`."""
    return (path[: match.start()] for match in re.finditer(r"[.\[]", path) if match.start())


def _walk(value: object, path: str, depth: int, whole: Collection[str]) -> Iterator[tuple[str, object]]:
    if depth == 0:
        raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
    if len(path) > _MAX_PATH_CHARS // 100:
        raise ValueError("too long names")
    if whole and path and (path in whole or any_place(path) in whole):
        yield path, value
    elif isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}" if path else str(key), depth - 1, whole)
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _walk(item, f"{path}[{place}]", depth - 1, whole)
    else:
        yield path, value
