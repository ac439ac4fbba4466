"""What a run came to, in the end: the verdict, or how to go on."""

import json
from pathlib import Path

import click

from pipelines.launcher import INTERRUPTED, STOPPED


def show_outcome(run_folder: Path, code: int, waiting: bool, as_json: bool) -> None:
    """waiting: it ended because people's answers are missing."""
    report = run_folder / "report.json"
    if as_json and report.exists():
        click.echo(report.read_text(encoding="utf-8"), nl=False)
    elif report.exists() and code in (STOPPED, INTERRUPTED):  # a verdict on half of a plan would mislead
        click.echo(f"Report so far: {run_folder / 'report.md'}")
    elif report.exists():
        found = json.loads(report.read_text(encoding="utf-8"))
        click.echo("\n".join([found["verdict"], *found["details"]]))
        click.echo(f"Report: {run_folder / 'report.md'}")
    if code in (STOPPED, INTERRUPTED):
        what = "Waiting for people's answers. When they are there, run" if waiting else "Stopped. Run"
        click.echo(f"{what} the same command again to go on.", err=True)
