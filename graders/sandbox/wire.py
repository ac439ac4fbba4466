"""Values as JSON, between the process that runs a program and the one that runs its tests.

Plain data goes by value: numbers, texts, bytes, lists, tuples, sets, dicts and what the standard library builds of
them, numpy's arrays and scalars. All else goes through `refer`, which each side does in its own way. What is decoded
is built of trusted types alone, whatever the other side wrote: a class of the program never gets an `__eq__` here.
Tagged values are lists such as ["t", 1, 2] for (1, 2); None, truth values, floats, texts and small integers are bare.
"""

import collections
import datetime
import decimal
import fractions
import sys
from collections.abc import Callable
from typing import Any

Refer = Callable[[Any], Any]

_SMALL = 1 << 53
_NUMPY_KINDS = "biufcUS"


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


def _named_tuple(items: list[Any]) -> Any:
    name, fields, *values = items
    return collections.namedtuple(name, fields)(*values)


def _array(items: list[Any]) -> Any:
    import numpy as np

    kind, values = items
    if np.dtype(kind).kind not in _NUMPY_KINDS:
        raise ValueError("an array holds no plain data")
    return np.array(values, dtype=kind)


_BUILT: dict[str, Callable[[list[Any]], Any]] = {
    "l": list,
    "t": tuple,
    "s": set,
    "f": frozenset,
    "q": collections.deque,
    "d": _pairs,
    "O": lambda items: collections.OrderedDict(_pairs(items)),
    "C": lambda items: collections.Counter(_pairs(items)),
    # Its factory is the program's, and stays there: a missing key is then a KeyError, as == does not ask for one.
    "D": lambda items: collections.defaultdict(None, _pairs(items)),
    "sl": lambda items: slice(*items),
    "nt": _named_tuple,
    "np": _array,
}
TAGS: dict[type, str] = {
    list: "l",
    tuple: "t",
    set: "s",
    frozenset: "f",
    collections.deque: "q",
    dict: "d",
    collections.OrderedDict: "O",
    collections.Counter: "C",
    collections.defaultdict: "D",
}
_TEXTUAL: dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    "i": (int, hex, lambda text: int(text, 16)),
    "b": (bytes, lambda value: value.decode("latin-1"), lambda text: text.encode("latin-1")),
    "B": (bytearray, lambda value: value.decode("latin-1"), lambda text: bytearray(text, "latin-1")),
    "N": (decimal.Decimal, str, decimal.Decimal),
    "F": (fractions.Fraction, str, fractions.Fraction),
    "dt": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "da": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "ti": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "td": (
        datetime.timedelta,
        lambda value: f"{value.days},{value.seconds},{value.microseconds}",
        lambda text: datetime.timedelta(*map(int, text.split(","))),
    ),
    "r": (
        range,
        lambda value: f"{value.start},{value.stop},{value.step}",
        lambda text: range(*map(int, text.split(","))),
    ),
    "c": (complex, repr, complex),
}
_TEXT_TAGS = {kind: tag for tag, (kind, _, _) in _TEXTUAL.items() if kind is not int}
_BUILTIN_TYPES = {kind.__name__: kind for kind in vars(__import__("builtins")).values() if isinstance(kind, type)}


def encode(value: Any, refer: Refer) -> Any:  # noqa: PLR0911 - one return a kind of value reads best
    """What JSON holds of a value; `refer(value)` gives the list that stands for what is no plain data."""
    kind = type(value)
    if value is None or kind in (bool, str, float):
        return value
    if kind is int:
        return value if -_SMALL < value < _SMALL else ["i", hex(value)]
    if kind in TAGS:
        return _container(value, TAGS[kind], refer)
    if kind in _TEXT_TAGS:
        tag = _TEXT_TAGS[kind]
        return [tag, _TEXTUAL[tag][1](value)]
    if isinstance(value, type) and _BUILTIN_TYPES.get(value.__name__) is value:
        return ["y", value.__name__]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ["nt", kind.__name__, ["l", *kind._fields], *(encode(item, refer) for item in tuple(value))]
    if kind is slice:
        return ["sl", *(encode(part, refer) for part in (value.start, value.stop, value.step))]
    if (numpy := sys.modules.get("numpy")) is not None and isinstance(value, numpy.ndarray | numpy.generic):
        return _of_numpy(value, numpy, refer)
    return refer(value)


def decode(data: Any, resolve: Refer) -> Any:
    """The value that `encode` was given; `resolve(list)` gives what a list of `refer` stands for. Raises ValueError."""
    if not isinstance(data, list):
        return data
    if not data or not isinstance(data[0], str):
        raise ValueError("a value has no tag")
    tag, *rest = data
    if tag in _BUILT:
        return _BUILT[tag]([decode(item, resolve) for item in rest])
    if tag in _TEXTUAL:
        return _TEXTUAL[tag][2](rest[0])
    return _BUILTIN_TYPES[rest[0]] if tag == "y" else resolve(data)


def base_value(value: Any) -> Any:
    """The plain data in an object of a subclass of int, str, list, … Raises TypeError where there is none."""
    if isinstance(value, str):
        return "".join(value)
    for base in (int, float, complex, bytes, *TAGS):
        if isinstance(value, base):
            return base(value)
    raise TypeError(f"an object of {type(value).__name__} holds no plain data")


def _container(value: Any, tag: str, refer: Refer) -> list[Any]:
    if isinstance(value, dict):
        return [tag, *(encode(part, refer) for pair in dict.items(value) for part in pair)]
    return [tag, *(encode(item, refer) for item in value)]


def _of_numpy(value: Any, numpy: Any, refer: Refer) -> Any:
    if isinstance(value, numpy.generic):
        plain = value.item()
        return refer(value) if isinstance(plain, numpy.generic) else encode(plain, refer)
    if value.dtype.kind not in _NUMPY_KINDS:
        return refer(value)
    return ["np", value.dtype.str, encode(value.tolist(), refer)]
