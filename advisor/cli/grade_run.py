"""`grade run`: a grader on what a model wrote."""

import json
from pathlib import Path

import click

from advisor.cli.grading import grader_options, grading


@click.command()
@click.argument("grader", type=click.Path(path_type=Path))
@click.argument("rows")
@grader_options
def run(grader: Path, rows: str, name: str | None, columns: tuple[str, ...], as_json: bool) -> None:
    """Grade the outputs in ROWS: `completion`, or OpenAI's `sample.output_text`; the other columns are the item.

    \b
    Example: finetune-advisor grade run grader.yaml outputs.jsonl
             finetune-advisor grade run plan.yaml outputs.jsonl --json > grades.jsonl
    With --json each row is a line; the last line is {"summary": ...}.
    """
    from advisor.cli.console import plain_console
    from advisor.cli.options import columns_of
    from advisor.cli.show_grades import show_grades
    from pipelines.evals.on_files import Request, run_file

    with grading() as progress:
        records, summary = run_file(Request(grader, rows, name, columns_of(columns)), progress)
    if not as_json:
        show_grades(plain_console(), records, summary)
        return
    for record in records:
        click.echo(json.dumps(record.model_dump(), ensure_ascii=False))
    click.echo(json.dumps({"summary": summary.model_dump()}, ensure_ascii=False))
