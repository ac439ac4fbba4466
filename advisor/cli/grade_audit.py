"""`grade audit`: how often a grader is wrong on these rows."""

import json
from pathlib import Path
from typing import Any

import click

from advisor.cli.grading import grader_options, grading


@click.command()
@click.argument("grader", type=click.Path(path_type=Path))
@click.argument("rows")
@grader_options
@click.option("--against", type=click.Path(path_type=Path), help="A second grader to compare with, as GRADER.")
@click.option("--human", metavar="COLUMN", help="People's scores of the outputs in `completion`.")
@click.option("--most", "most_rows", type=click.IntRange(1), help="Try at most this many rows; else up to 2,000.")
@click.pass_context
def audit(ctx: click.Context, /, grader: Path, rows: str, columns: Any, as_json: bool, **options: Any) -> None:
    """Try GRADER on right answers, right answers in other words, and on hacks, made from ROWS as training reads them.

    \b
    Example: finetune-advisor grade audit grader.yaml rows.jsonl
             finetune-advisor grade audit plan.yaml rows.jsonl --against judge.yaml
             finetune-advisor grade audit judge.yaml outputs.jsonl --human stars
    Exit codes: 0 fit to train, or to fix first; 1 something to change; 3 unfit.
    """
    from advisor.cli.console import plain_console
    from advisor.cli.options import columns_of
    from advisor.cli.show_audit import show_audit
    from pipelines.evals.on_files import Request, audit_file

    with grading() as progress:
        found = audit_file(Request(grader, rows, columns=columns_of(columns), **options), progress)
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json"), indent=1, ensure_ascii=False))
    else:
        show_audit(plain_console(), found)
    ctx.exit(3 if found.verdict == "unfit" else 0)
