"""How one field of a JSON answer is compared with the reference's: exact, numeric, fuzzy or as a set.

In: two JSON values and a rule. Out: a share in [0, 1], or None when the given value is of the wrong type.
`fuzzy` is rapidfuzz's ratio, the share of characters that two texts have in common, without case. `set` takes lists as
sets, whatever their order: F1 of the items in common, so that listing more than there is costs as much as omitting.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from rapidfuzz import fuzz

from graders.json_values import kind
from graders.numbers import last_number, plain

_BEFORE = re.compile(r"[^\w]{0,4}(?:[A-Z]{1,3}[^\w]{0,4}|[^\x00-\x7f]{1,4}[^\w]{0,4})?")  # "CHF ", "约", "人民币 "


class FieldRule(BaseModel):
    """How one field is compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    compare: Literal["exact", "numeric", "fuzzy", "set"] = Field(
        "exact",
        description="exact: equal but for runs of spaces; numeric: as numbers, text or not; fuzzy: share of text; "
        "set: F1 of two lists, in any order.",
    )
    weight: float = Field(1.0, gt=0, allow_inf_nan=False)
    tolerance: float = Field(0.0, ge=0, allow_inf_nan=False, description="numeric: the allowed difference.")
    min_similarity: float = Field(0.6, ge=0, le=1, description="fuzzy: less than this scores 0.")
    column: str | None = Field(None, description="Compare with this column of the row, not with the reference.")
    optional: bool = Field(
        False, description="A row whose reference lacks the field is graded without it; else it is unscored."
    )


def compared(given: object, expected: object, rule: FieldRule) -> float | None:
    """The share of the field that is right; None for a wrong type."""
    return _COMPARE[rule.compare](given, expected, rule)


def _exact(given: object, expected: object, _: FieldRule) -> float | None:
    if isinstance(given, str) and isinstance(expected, str):
        return float(given.split() == expected.split())
    if kind(given) != kind(expected):
        return None
    return float(given == expected)


def _numeric(given: object, expected: object, rule: FieldRule) -> float | None:
    wanted, found = as_number(expected), as_number(given)
    if wanted is None:
        return _exact(given, expected, rule)
    if found is None:
        return None
    return float(abs(found - wanted) <= max(rule.tolerance, 1e-12 * abs(wanted)))


def _fuzzy(given: object, expected: object, rule: FieldRule) -> float | None:
    if not (isinstance(given, str) and isinstance(expected, str)):
        return _exact(given, expected, rule)
    return likeness(given, expected, rule.min_similarity)


def _set(given: object, expected: object, rule: FieldRule) -> float | None:
    if not (isinstance(given, list) and isinstance(expected, list)):
        return _exact(given, expected, rule)
    found, wanted = ({_item(value) for value in values} for values in (given, expected))
    return 2 * len(found & wanted) / (len(found) + len(wanted)) if found or wanted else 1.0


def _item(value: object) -> tuple[str, object]:
    """A value as a member of a set: texts but for runs of spaces, 1 and 1.0 the same, True another."""
    if isinstance(value, str):
        return "str", " ".join(value.split())
    nested = isinstance(value, Mapping | list)
    return kind(value), json.dumps(value, sort_keys=True, default=str) if nested else value


_COMPARE: dict[str, Callable[[object, object, FieldRule], float | None]] = {
    "exact": _exact,
    "numeric": _numeric,
    "fuzzy": _fuzzy,
    "set": _set,
}


def likeness(given: str, expected: str, least: float) -> float:
    """The share of characters in common, without case and runs of spaces; 0 below `least`."""
    if given == expected:
        return 1.0
    left, right = (" ".join(text.casefold().split()) for text in (given, expected))
    return fuzz.ratio(left, right, score_cutoff=100 * least) / 100


def as_number(value: object) -> float | None:
    """A finite number, or a text that is one but for a currency before it, a unit after it, commas and a percent sign.

    "Shop 5" is no number, nor are "5 and 6" or a date.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = plain(str(value)[:100])
    found = last_number(text)
    if found is None or not _BEFORE.fullmatch(text[: found.start]) or len(text) - found.end > 20:
        return None
    return float(found.value) / (100 if found.percent else 1)
