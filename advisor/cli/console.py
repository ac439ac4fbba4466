"""The consoles that commands print to."""

from contextlib import AbstractContextManager

from rich.console import Console
from rich.text import Text


def plain_console(stderr: bool = False) -> Console:
    """Prints what data, paths and answers hold as it stands: neither "[/INST]" nor ":x:" is markup there."""
    return Console(stderr=stderr, markup=False, emoji=False)


def busy(text: str) -> AbstractContextManager[object]:
    """Shows on stderr what is being worked at, while the context is open."""
    return plain_console(stderr=True).status(Text(text))
