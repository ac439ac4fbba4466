"""Lines of text for the terminal. rich breaks them at spaces; Chinese has none, and may break between any two signs."""

import re

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

_WIDE = r"\u3000-\u9fff\uff00-\uffef"
_PIECES = re.compile(rf"[“（]*(?:[{_WIDE}]|[^\s“”{_WIDE}]+)[、。，；：？！”）]*|\s+")
"""What a line may not break within: one Chinese sign, or a word, with the signs that open and close around it."""


class Wrapped:
    """A text that fills the lines it is given."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for whole in self.text.split("\n"):
            for line in whole.divide(_starts(whole.plain, options.max_width)):
                line.rstrip()
                yield line

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self.text)


def _starts(text: str, width: int) -> list[int]:
    """Where in the text a new line begins, so that each has at most so many cells."""
    starts, used = [], 0
    for piece in _PIECES.finditer(text):
        if used and used + cell_len(piece[0].rstrip()) > width:
            starts.append(piece.start())
            used = 0
        used += cell_len(piece[0])
    return starts
