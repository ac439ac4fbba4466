"""JSON Schema made safe to run on what a model wrote: read in any of the ways it is passed around, checked, compiled.

In: a plain schema, or OpenAI's `response_format` around one, with or without its wrapper. Out: a validator of the
jsonschema library that opens no address, stops a slow regular expression, and takes linear time for `uniqueItems`.
Drafts 3 to 2020-12 as `$schema` says, else 2020-12. Formats that need no further library are checked (date, email,
ipv4, ipv6, uuid, regex). Raises ValueError with what is wrong with a schema.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any

_BARE = {"name", "description", "strict", "schema"}
_DATA = {"const", "enum", "default", "examples"}  # what stands in them is no schema
_HUGE_COUNT = re.compile(r"\{[0-9]*,?[0-9]{5,}\}")
_SECONDS = 1.0
_deadline: ContextVar[float] = ContextVar("deadline")


class SlowPattern(Exception):
    """A regular expression of the schema takes too long on this text."""


def plain_schema(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema inside OpenAI's {type: json_schema, json_schema: …} or {name, strict, schema}; else as given."""
    inner = given.get("json_schema") if given.get("type") == "json_schema" else given
    if isinstance(inner, Mapping) and isinstance(inner.get("schema"), Mapping) and set(inner) <= _BARE:
        inner = inner["schema"]
    if not isinstance(inner, Mapping):
        raise ValueError("a JSON schema is a mapping such as {type: object, properties: …, required: […]}")
    return inner


def checked_text(schema: Mapping[str, Any]) -> str:
    """The schema as JSON text, which the functions below take.

    Raises ValueError where it is none, points outside itself or at nothing, or goes round in a circle.
    """
    from jsonschema.exceptions import SchemaError

    try:
        text = json.dumps(schema, sort_keys=True)
        _validator_class(schema.get("$schema")).check_schema(schema)
        for how, told in _told(schema):
            if how == "refers to":
                _check_points(text, told)
            elif _HUGE_COUNT.search(told):  # the regex package copies what is repeated: a{999999999} takes all memory
                raise ValueError(f"it has the pattern {told!r:.80}: a count above 9999 is too large")
        samples: tuple[object, ...] = (None, {}, [], "")
        for value in samples:
            errors(text, value, 1)
    except TypeError as error:
        raise ValueError(f"it holds what JSON does not know; quote dates and numbers as keys: {error}") from None
    except SchemaError as error:
        at = "/".join(map(str, error.absolute_path)) or "the top"
        raise ValueError(f"it is no valid JSON schema: at {at}: {error.message:.200}") from None
    except RecursionError:
        raise ValueError("it refers to itself without end") from None
    return text


def _check_points(schema_text: str, reference: str) -> None:
    from referencing.exceptions import Unresolvable

    if not reference.startswith("#"):
        raise ValueError(f"it refers to {reference!r}: only references inside the schema, #/…, are followed")
    try:
        resolved(schema_text, reference)
    except Unresolvable:
        raise ValueError(f"it refers to {reference!r}, which is not in it") from None


def errors(schema_text: str, value: object, limit: int) -> list[Any]:
    """The first faults of a value, as jsonschema's ValidationErrors.

    Raises SlowPattern when the schema's patterns take more than a second on it.
    """
    token = _deadline.set(time.monotonic() + _SECONDS)
    try:
        return list(islice(_validator(schema_text).iter_errors(value), limit))
    finally:
        _deadline.reset(token)


def resolved(schema_text: str, reference: str) -> Any:
    """The part of the schema that a reference such as #/$defs/item points at."""
    return _resolver(schema_text).lookup(reference).contents


@lru_cache(maxsize=64)
def _validator(schema_text: str) -> Any:
    from referencing import Registry

    schema = json.loads(schema_text)
    kind = _validator_class(schema.get("$schema"))
    return kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)


@lru_cache(maxsize=64)
def _resolver(schema_text: str) -> Any:
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    resource = Resource.from_contents(json.loads(schema_text), default_specification=DRAFT202012)
    return Registry().with_resource("", resource).resolver()


@lru_cache(maxsize=16)
def _validator_class(draft: object) -> Any:
    from jsonschema import Draft202012Validator, validators

    kind = Draft202012Validator
    if draft is not None:
        kind = validators.validator_for({"$schema": draft}, default=None) if isinstance(draft, str) else None
    if kind is None:
        raise ValueError(f"its $schema is {draft!r}, which is no known draft of JSON Schema")
    safe = {"pattern": _pattern, "patternProperties": _pattern_properties, "uniqueItems": _unique_items}
    known = {key: check for key, check in safe.items() if key in kind.VALIDATORS}
    return validators.extend(kind, {**known, "additionalProperties": _additional_properties})


def _told(schema: object) -> Iterator[tuple[str, str]]:
    """("refers to", reference) and ("has the pattern", regular expression), of the schema and all in it."""
    for key, inner in schema.items() if isinstance(schema, Mapping) else ():
        if key in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(inner, str):
            yield "refers to", inner
        elif key == "pattern" and isinstance(inner, str):
            yield "has the pattern", inner
        elif key not in _DATA:
            yield from (("has the pattern", name) for name in (inner if key == "patternProperties" else ()))
            yield from _told(inner)
    for inner in schema if isinstance(schema, list) else ():
        yield from _told(inner)


def _found(pattern: str, text: str) -> bool:
    import regex

    try:
        return regex.search(pattern, text, timeout=max(0.01, _deadline.get() - time.monotonic())) is not None
    except TimeoutError:
        raise SlowPattern(f"the schema's pattern {pattern!r:.80} takes too long") from None


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001 - as jsonschema calls
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not _found(pattern, value):
        yield ValidationError(f"{value!r:.60} does not match {pattern!r:.80}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    for pattern, inner in patterns.items() if isinstance(value, dict) else ():
        for key, item in value.items():
            if _found(pattern, key):
                yield from validator.descend(item, inner, path=key, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:
    """One error an extra property, where jsonschema's own has one for all: each costs its share."""
    from jsonschema.exceptions import ValidationError

    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, item in value.items() if isinstance(value, dict) else ():
        if key in named or any(_found(pattern, key) for pattern in patterns):
            continue
        if allowed is False:
            yield ValidationError(f"{key!r:.60} is not allowed")
        else:
            yield from validator.descend(item, allowed, path=key)


def _unique_items(validator: Any, unique: Any, value: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    from jsonschema.exceptions import ValidationError

    if unique and isinstance(value, list) and len(set(map(_hashable, value))) < len(value):
        yield ValidationError("the items are not all different")


def _hashable(value: object) -> object:
    """Equal where JSON Schema says so: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return "object", frozenset((key, _hashable(item)) for key, item in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_hashable, value))
    return isinstance(value, bool), value
