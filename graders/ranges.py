"""A grader's own number → a Grade. A declared range [a, b] maps linearly onto [0, 1]; outside of it is a failure."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator

from graders.base import Grade


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
