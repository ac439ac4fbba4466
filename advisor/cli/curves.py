"""Numbers of a training under way as sparklines: one line a number, from its first value to its last."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

_BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40
"""Characters of a curve, at most; longer ones show means of equal parts."""


class Curves:
    """Draws the numbers that were told since the last `forget`."""

    def __init__(self) -> None:
        self._told: dict[str, list[float]] = {}
        self._reached = 0.0

    def tell(self, done: float, shown: Mapping[str, float]) -> None:
        """One point of each curve; `done`: how far the training is. What was told of that place already is left out."""
        if done <= self._reached:
            return
        self._reached = done
        for name, value in shown.items():
            self._told.setdefault(name, []).append(value)

    def forget(self) -> None:
        """Before another stage."""
        self._told.clear()
        self._reached = 0.0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 1))
        room = max(8, min(WIDTH, options.max_width - 40))
        for name, values in self._told.items():
            if len(values) > 1:
                table.add_row(f"  {name}", sparkline(values, room), f"{values[0]:.3g} → {values[-1]:.3g}")
        if table.row_count:
            yield table


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """The values between their least and their greatest as bars of eight heights; one that is no number is a gap."""
    points = _means(values, width)
    finite = [point for point in points if isfinite(point)]
    if not finite:
        return " " * len(points)
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    return "".join(_BARS[round((point - low) / span * 7)] if isfinite(point) else " " for point in points)


def _means(values: Sequence[float], width: int) -> list[float]:
    if len(values) <= width:
        return list(values)
    edges = [round(place * len(values) / width) for place in range(width + 1)]
    return [sum(values[start:end]) / (end - start) for start, end in pairwise(edges)]
