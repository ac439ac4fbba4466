"""A CheckReport for the terminal: one line for what was looked at, its level first, then the fix."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pipelines.language import shown
from pipelines.preflight.record import LEVELS, CheckReport, Line

_COLOUR = {"green": "green", "amber": "yellow", "red": "bold red"}
_WORD = {"green": "ok   ", "amber": "amber", "red": "RED  "}


def show_check(console: Console, report: CheckReport) -> None:
    """All lines in order, then how many of each level."""
    for line in report.lines:
        console.print(_line(line))
        if line.level != "green" and line.fix:
            console.print(Padding(Text(shown(line.fix), "dim"), (0, 0, 0, 8), expand=False))
    counts = [f"{sum(line.level == level for line in report.lines)} {shown(level)}" for level in LEVELS]
    console.print(Text(f"\n{', '.join(counts)}", _COLOUR[report.level]))


def _line(line: Line) -> Text:
    about = f"{line.stage}: {line.about}" if line.stage else line.about
    return Text.assemble((_WORD[line.level], _COLOUR[line.level]), f" {about}: {shown_line(line.said)}")


def shown_line(said: str) -> str:
    """In the reader's language, sentence by sentence; some hold a semicolon. A name before a colon stays."""
    parts, told = said.split("; "), []
    while parts:
        alone = next((place for place in range(1, len(parts)) if _sentence(parts[place])), len(parts))
        found = next((end for end in range(1, alone + 1) if _sentence("; ".join(parts[:end]))), 1)
        sentence = "; ".join(parts[:found])
        told.append(_sentence(sentence) or sentence)
        parts = parts[found:]
    return shown("; ").join(told)


def _sentence(said: str) -> str | None:
    """None where the table does not have it."""
    if (whole := shown(said)) != said:
        return whole
    name, colon, rest = said.partition(": ")
    told = _sentence(rest) if colon and " " not in name else None
    return f"{name}{colon}{told}" if told is not None else None
