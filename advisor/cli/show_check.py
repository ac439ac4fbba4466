"""A CheckReport for the terminal: one line for what was looked at, its level first, then the fix."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pipelines.language import shown, shown_sentences
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
    return Text.assemble((_WORD[line.level], _COLOUR[line.level]), f" {about}: {shown_sentences(line.said)}")
