"""The consoles that commands print to."""

from contextlib import AbstractContextManager

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pipelines.language import shown
from pipelines.wrapped import Wrapped


def plain_console(stderr: bool = False) -> Console:
    """Prints what data, paths and answers hold as it stands: neither "[/INST]" nor ":x:" is markup there."""
    return Console(stderr=stderr, markup=False, emoji=False)


def busy(text: str) -> AbstractContextManager[object]:
    """Shows on stderr what is being worked at, while the context is open."""
    return plain_console(stderr=True).status(Text(shown(text)))


def tell(text: str) -> None:
    """A line on stderr, at once."""
    plain_console(stderr=True).print(Text(shown(text), "dim"))


def print_indented(console: Console, line: Text) -> None:
    """A line under a heading, with all the lines it is broken into."""
    console.print(Padding(Wrapped(line), (0, 0, 0, 2), expand=False))
