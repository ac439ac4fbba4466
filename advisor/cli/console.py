"""The consoles that commands print to."""

import re
from contextlib import AbstractContextManager

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pipelines.language import shown

_WIDE = r"\u3000-\u9fff\uff00-\uffef"
_PIECES = re.compile(rf"[“（]*(?:[{_WIDE}]|[^\s“”{_WIDE}]+)[、。，；：？！”）]*|\s+")
"""What a line may not break within: one Chinese sign, or a word, with the signs that open and close around it."""


def plain_console(stderr: bool = False) -> Console:
    """Prints what data, paths and answers hold as it stands: neither "[/INST]" nor ":x:" is markup there."""
    return Console(stderr=stderr, markup=False, emoji=False)


def busy(text: str) -> AbstractContextManager[object]:
    """Shows on stderr what is being worked at, while the context is open."""
    return plain_console(stderr=True).status(Text(shown(text)))


def print_item(console: Console, line: str) -> None:
    """A line of a list, indented. Chinese, which has no spaces, breaks between any two signs."""
    console.print(Padding(Text(_broken(f"- {line}", console.width - 2)), (0, 0, 0, 2), expand=False))


def _broken(text: str, width: int) -> str:
    lines, used = [""], 0
    for piece in _PIECES.findall(text):
        if used + cell_len(piece.rstrip()) > width and used:
            lines, used = [*lines, ""], 0
        lines[-1] += piece
        used += cell_len(piece)
    return "\n".join(line.rstrip() for line in lines)
