"""Small line charts as SVG text, coloured by the page's own style so that they follow light, dark and print."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 170, 56, 10, 10, 26
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """name: in the legend. points: (step, value), in the order of steps."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a step, such as an alarm."""

    step: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """title: what is drawn, with its unit."""

    title: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()

    def svg(self) -> Markup:
        """The drawing; the values stand beside it as a title, for who cannot see it."""
        low, high, last = _bounds(self.lines)
        shown = [_axis(low, high, last)]
        for place, line in enumerate(self.lines):
            shown.append(_line(line, place, (low, high, last)))
        shown += [_mark(mark, last) for mark in self.marks]
        told = "; ".join(f"{line.name}: {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}" for line in self.lines)
        box = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(f"{self.title}. {told}")}">'
        return Markup(box + "".join(shown) + "</svg>")


def _bounds(lines: Sequence[Line]) -> tuple[float, float, float]:
    values = [value for line in lines for _, value in line.points]
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or max(0.05, abs(high) * 0.1)
    return low - room, high + room, max(step for line in lines for step, _ in line.points) or 1.0


def _x(step: float, last: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * step / last


def _y(value: float, low: float, high: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)


def _axis(low: float, high: float, last: float) -> str:
    parts = []
    for share in (0.0, 0.5, 1.0):
        value = low + share * (high - low)
        y = _y(value, low, high)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.2g}</text>')
    for share in (0.0, 0.5, 1.0):
        x = _x(share * last, last)
        anchor = "start" if share == 0 else "end" if share == 1 else "middle"
        place = f'x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}"'
        parts.append(f'<text class="tick" {place}>{share * last:.0f}</text>')
    return "".join(parts)


def _line(line: Line, place: int, bounds: tuple[float, float, float]) -> str:
    low, high, last = bounds
    places = " ".join(f"{_x(step, last):.1f},{_y(value, low, high):.1f}" for step, value in line.points)
    if len(line.points) == 1:
        x, y = places.split(",")
        return f'<circle class="line{place}" cx="{x}" cy="{y}" r="3"/>'
    return f'<polyline class="line{place}" points="{places}"/>'


def _mark(mark: Mark, last: float) -> str:
    x = _x(min(mark.step, last), last)
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}">'
        f"<title>{escape(mark.text)}</title></line>"
    )
