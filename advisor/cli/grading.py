"""What the three `grade` commands share: their options, and progress on stderr."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click


def grader_options(command: Any) -> Any:
    """Adds the options that say which grader, and how rows are read."""
    column = click.option("--column", "columns", multiple=True, metavar="ROLE=NAME", help="The column of a role.")
    named = click.option("--grader", "name", metavar="NAME", help="Which grader of a plan; else its metric.")
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
    return column(named(as_json(command)))


@contextlib.contextmanager
def grading() -> Iterator[Callable[[int, int], None]]:
    """Shows a bar on stderr where that is a terminal; called with (done, of)."""
    from rich.progress import Progress

    from advisor.cli.console import plain_console

    with Progress(console=plain_console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("Grading")
        yield lambda done, of: bar.update(task, completed=done, total=of)
