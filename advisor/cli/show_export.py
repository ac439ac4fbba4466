"""How far an export is, and what it came to."""

from pathlib import Path

import click

from pipelines.export.export import Exported
from pipelines.job import Progress


class Spoken(Progress):
    """Says its sentences on stderr and keeps no file."""

    def __init__(self) -> None:
        super().__init__(Path("/dev/null"))

    def say(self, text: str) -> None:
        click.echo(text, err=True)


def show_export(done: Exported) -> str:
    """Where it lies, and how it compares."""
    found = done.parity
    said = [f"log-probabilities of {found.texts} texts differ by {found.logprob_difference:.5f} a token"]
    if found.score_exported is not None and found.score_measured is not None:
        scores = f"{found.score_exported:.1%} of {found.answers} test rows, measured {found.score_measured:.1%}"
        said.append(f"{scores} [{found.low:+.1f}, {found.high:+.1f} points]")
    if done.folder is None:
        return f"NOT exported: {found.fault}. What was written lies in {done.kept}"
    more = " and adapter/" if done.adapter else ""
    return f"{'; '.join(said)}\nwrote {done.folder}: the model{more}, README.md, Modelfile, export.json"
