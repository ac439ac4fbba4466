"""`data`: how a data file is read."""

import json
import shlex
from pathlib import Path

import click

from advisor.cli.options import data_options


@click.command()
@click.argument("file")
@data_options
@click.option("--model", help="Show the rows as this model's tokens, those that carry loss in colour.")
@click.option("--json", "as_json", is_flag=True, help="Print the profile as JSON.")
def data(file: str, model: str | None, as_json: bool, **options: object) -> None:
    """Show how FILE is read: layout, roles, findings, the grader that fits, and three rows.

    \b
    Example: finetune-advisor data rows.csv --column prompt=question --model starter
    """
    from advisor.cli.console import plain_console
    from advisor.cli.options import data_spec
    from advisor.cli.show_advice import grader_sentence, profile_values
    from advisor.cli.show_rows import show_tokens, shown_rows
    from advisor.profile import profile
    from advisor.reading import read_rows
    from pipelines.data.checks import check_rows
    from pipelines.data.describe import describe
    from pipelines.language import shown

    rows = read_rows(data_spec(file, options, Path.cwd()), Path.cwd())
    found = profile(rows, check_rows(rows))
    if as_json:
        click.echo(json.dumps(profile_values(found), indent=1, ensure_ascii=False))
        return
    console = plain_console()
    console.print(describe(rows, found.findings))
    console.print(f"  {shown(grader_sentence(found))}\n", highlight=False)
    if found.num_pairs:
        told = "  the pairs together (length bias, contradictions, annotators): finetune-advisor preferences audit"
        console.print(f"{told} {shlex.quote(file)}\n", highlight=False)
    if model:
        raise click.exceptions.Exit(show_tokens(data_spec(file, options, Path.cwd()), model, Path.cwd()))
    for text in shown_rows(rows):
        console.print(text)
