"""A grader's own number → a Grade. A declared range [a, b] maps linearly onto [0, 1]; outside of it is a failure."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from graders.base import Grade

UNIT = (0.0, 1.0)


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = bounds
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError("two finite numbers, the lower one first, are expected")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""A field's type: `range: [0, 5]` in YAML."""


def ranged(raw: object, bounds: tuple[float, float], reason: str, **more: Any) -> Grade:
    """The Grade of a raw number; unscored, with the range to declare, where it is no number or lies outside.

    Whole numbers of any size, floats and truth values count; rounding past the ends by 1e-9 is forgiven.
    more: other fields of Grade.
    """
    low, high = bounds
    try:
        number = float(raw)  # type: ignore[arg-type]  # that is the question
    except (TypeError, ValueError, OverflowError):
        return Grade(None, f"the grader returned {raw!r:.80}, which is no number", **more)
    if not math.isfinite(number):
        return Grade(None, f"the grader returned {number}", **more)
    share = (number - low) / (high - low)
    if not -1e-9 <= share <= 1 + 1e-9:
        wider = f"[{min(low, number):g}, {max(high, number):g}]"
        happened = f"the grader returned {number:g}, outside its range [{low:g}, {high:g}]"
        return Grade(None, f"{happened}; declare one such as range: {wider}", raw=number, **more)
    return Grade(min(1.0, max(0.0, share)), reason, raw=number, **more)


def threshold_as_pass_at(fields: object, default: tuple[float, float] = UNIT) -> object:
    """OpenAI's `pass_threshold`, in the grader's own units, as our `pass_at`; for a validator that runs before.

    What is null is left out: a job that OpenAI's API returns has its unset fields so.
    default: the range where the fields name none. A threshold outside the range raises ValueError with one to declare.
    """
    if not isinstance(fields, Mapping):
        return fields
    fields = {key: value for key, value in fields.items() if value is not None}
    if "pass_threshold" not in fields:
        return fields
    rest = {key: value for key, value in fields.items() if key != "pass_threshold"}
    threshold, bounds = fields["pass_threshold"], rest.get("range", default)
    if threshold is None or not _is_pair(bounds):  # a faulty range is reported by its own field
        return rest
    if "pass_at" in rest:
        raise ValueError("pass_at and pass_threshold say the same: give one of them")
    low, high = bounds
    if not _is_number(threshold) or not low < threshold:
        raise ValueError(f"pass_threshold is {threshold!r}; a number above {low:g}, the lowest grade, is expected")
    if threshold > high:
        raise ValueError(
            f"no grade reaches pass_threshold {threshold:g}: the range is [{low:g}, {high:g}]; "
            f"declare one such as range: [{low:g}, {threshold:g}]"
        )
    return {**rest, "pass_at": round((threshold - low) / (high - low), 9)}  # as `Grader.passed` rounds


def _is_pair(bounds: Any) -> bool:
    return (
        isinstance(bounds, list | tuple) and len(bounds) == 2 and all(map(_is_number, bounds)) and bounds[0] < bounds[1]
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
