"""`grade validate`: does a grader load, and what do rows lack that it needs?"""

from pathlib import Path

import click

from advisor.cli.grading import grader_options


@click.command()
@click.argument("grader", type=click.Path(path_type=Path))
@click.argument("rows", default="")
@grader_options
@click.pass_context
def validate(
    ctx: click.Context, /, grader: Path, rows: str, name: str | None, columns: tuple[str, ...], as_json: bool
) -> None:
    """Check that GRADER loads; with ROWS, say what rows lack that it needs, and what it breaks on their own answers.

    \b
    Example: finetune-advisor grade validate grader.json
             finetune-advisor grade validate grader.yaml rows.jsonl --column reference=gold
    Exit codes: 0 it can grade every row, 1 it does not load, 3 some rows lack something or it breaks its contract.
    """
    from advisor.cli.console import plain_console
    from advisor.cli.options import columns_of
    from advisor.cli.show_grades import show_validation, validation_json
    from pipelines.evals.on_files import Request, validate_file

    found = validate_file(Request(grader, rows, name, columns_of(columns)))
    if as_json:
        click.echo(validation_json(found))
    else:
        show_validation(plain_console(), found)
    ctx.exit(0 if found.holds else 3)
