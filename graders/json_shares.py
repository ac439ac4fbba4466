"""How much of a JSON value is valid under a schema, from the faults that a validator found.

In: a value, its schema as text, its faults. Out: a share in [0, 1), and the share of each property at the top.
An object counts by the mean over its properties that are required or have a fault, with a 0 for each rule it breaks
itself (a property that is missing, one that is not allowed, `minProperties`, …); a list by the mean of its items, with
a 0 likewise; all else is 0. So no fault is ever without cost, and items added to a list only dilute it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from graders.json_schemas import resolved

_Path = tuple[str | int, ...]
_ALL_OR_NOTHING = {"type", "enum", "const"}


class Faults:
    """Faults by where they are. here: path → the keywords broken there. touched: every path at or above a fault."""

    def __init__(self, errors: Sequence[Any]) -> None:
        self.here: dict[_Path, list[str]] = {}
        self.touched: set[_Path] = set()
        for error in errors:
            path = tuple(error.absolute_path)
            self.here.setdefault(path, []).append(str(error.validator))
            self.touched.update(path[:length] for length in range(len(path) + 1))


def share(value: object, schema_text: str, faults: Faults) -> tuple[float, dict[str, float | None]]:
    """The share of the whole, and of each property at the top; a missing one is 0."""
    measure = _Measure(schema_text, faults)
    schemas = [json.loads(schema_text)]
    top = measure.properties(value, schemas, ()) if isinstance(value, dict) else {}
    lacking = dict.fromkeys((name for name in measure.required(schemas) if name not in top), 0.0)
    return measure.share(value, schemas, ()), {**top, **(lacking if isinstance(value, dict) else {})}


class _Measure:
    def __init__(self, schema_text: str, faults: Faults) -> None:
        self.text = schema_text
        self.faults = faults

    def share(self, value: object, schemas: Sequence[object], path: _Path) -> float:
        if path not in self.faults.touched:
            return 1.0
        broken = self.faults.here.get(path, [])
        if _ALL_OR_NOTHING & set(broken):
            return 0.0
        shares = [0.0] * len(broken)
        if isinstance(value, dict):
            shares += self.properties(value, schemas, path).values()
        elif isinstance(value, list) and value:
            shares.append(self._items(value, schemas, path))
        return sum(shares) / len(shares) if shares else 0.0

    def properties(self, value: Mapping[str, object], schemas: Sequence[object], path: _Path) -> dict[str, float]:
        """The shares of the properties that are there, and required or at fault."""
        required = set(self.required(schemas))
        return {
            name: self.share(item, self._below(schemas, name), (*path, name))
            for name, item in value.items()
            if name in required or (*path, name) in self.faults.touched
        }

    def required(self, schemas: Sequence[object]) -> list[str]:
        listed = [schema.get("required") for schema in self._flat(schemas)]
        return [name for names in listed if isinstance(names, list) for name in names]

    def _items(self, value: Sequence[object], schemas: Sequence[object], path: _Path) -> float:
        inner = [schema["items"] for schema in self._flat(schemas) if isinstance(schema.get("items"), Mapping)]
        return sum(self.share(item, inner, (*path, place)) for place, item in enumerate(value)) / len(value)

    def _below(self, schemas: Sequence[object], name: str) -> list[object]:
        groups = [schema.get("properties") for schema in self._flat(schemas)]
        return [group[name] for group in groups if isinstance(group, Mapping) and name in group]

    def _flat(self, schemas: Sequence[object]) -> list[Mapping[str, Any]]:
        """The schemas with what they refer to; a hundred at most, as they may go round in a circle."""
        return list(islice(self._walk(schemas, 20), 100))

    def _walk(self, schemas: Sequence[object], depth: int) -> Iterator[Mapping[str, Any]]:
        for schema in schemas if depth else ():
            if not isinstance(schema, Mapping):
                continue
            yield schema
            reference, together = schema.get("$ref"), schema.get("allOf")
            if isinstance(reference, str):
                yield from self._walk([resolved(self.text, reference)], depth - 1)
            if isinstance(together, list):
                yield from self._walk(together, depth - 1)
