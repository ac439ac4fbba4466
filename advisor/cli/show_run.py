"""What a run came to, in the end: the verdict, or how to go on."""

import json
from pathlib import Path

import click

from pipelines.evals.verdict import verdict_shown
from pipelines.language import shown
from pipelines.launcher import INTERRUPTED, STOPPED


def show_outcome(run_folder: Path, code: int, waiting: bool, as_json: bool) -> None:
    """waiting: it ended because people's answers are missing."""
    report = run_folder / "report.json"
    if as_json and report.exists():
        click.echo(report.read_text(encoding="utf-8"), nl=False)
    elif report.exists() and code in (STOPPED, INTERRUPTED):  # a verdict on half of a plan would mislead
        click.echo(shown(f"Report so far: {run_folder / 'report.md'}"))
    elif report.exists():
        found = json.loads(report.read_text(encoding="utf-8"))
        click.echo("\n".join(map(verdict_shown, [found["verdict"], *found["details"]])))
        click.echo(shown(f"Report: {run_folder / 'report.md'}"))
    if code in (STOPPED, INTERRUPTED):
        stopped = "Stopped. Run the same command again to go on."
        missing = "Waiting for people's answers. When they are there, run the same command again to go on."
        click.echo(shown(missing if waiting else stopped), err=True)
