"""Runs a plan and tells machines of it, however it ends: events, JUnit XML, GitHub's annotations and summary."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import click

from advisor.ci import github
from advisor.ci.events import Events
from advisor.ci.junit import write_junit
from advisor.cli.progress import Terminal
from graders.errors import UserError
from pipelines.plan_file import LoadedPlan
from pipelines.runner import Options, run_plan
from pipelines.state import steps

FAILED = 1


def watched_run(
    loaded: LoadedPlan, run_folder: Path, options: Options, events: str | None, junit: Path | None
) -> tuple[int, bool]:
    """The exit code, and whether people's answers are missing. events: a file, or "-" for stdout. Raises UserError as
    run_plan does, after it was told."""
    with ExitStack() as stack:
        terminal = stack.enter_context(Terminal())
        written = Events(stack.enter_context(_opened(events)), terminal) if events else None
        try:
            code = run_plan(loaded, run_folder, options, written or terminal)
        except UserError as error:
            _tell(loaded, run_folder, junit, str(error))
            if written:
                written.ended(FAILED, str(error))
            raise
        _tell(loaded, run_folder, junit, None)
        if written:
            written.ended(code)
    return code, terminal.waiting


def _opened(events: str) -> TextIO:
    try:
        return (
            os.fdopen(os.dup(sys.stdout.fileno()), "w") if events == "-" else Path(events).open("a", encoding="utf-8")
        )
    except OSError as error:
        raise UserError(
            f"cannot write the events: {error.strerror}", "a file that can be written", where=events
        ) from error


def _tell(loaded: LoadedPlan, run_folder: Path, junit: Path | None, error: str | None) -> None:
    """What is known at the end."""
    on_github = github.at_work(os.environ)
    if junit is None and not on_github:
        return
    todo = steps(loaded, run_folder)
    if junit is not None:
        write_junit(junit, loaded.plan.name, todo, error)
    if on_github:
        for line in github.annotations(todo, error):
            click.echo(line, err=True)
        github.add_summary(os.environ, run_folder / "report.md")
