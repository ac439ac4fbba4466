"""`preferences audit`: whether preferences are fit to train on."""

from pathlib import Path

import click

from advisor.cli.options import data_options


@click.command()
@click.argument("file")
@data_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
@click.pass_context
def audit(ctx: click.Context, /, file: str, as_json: bool, **options: object) -> None:
    """Look for pairs without an order, for what decides them besides what they say, and for what annotators dispute.

    \b
    FILE holds answers of `label`, chosen and rejected answers, or two answers and verdicts; or it is a plan.yaml.
    Example: finetune-advisor preferences audit preferences.jsonl
             finetune-advisor preferences audit pairs.csv --column chosen=better --column rejected=worse
             finetune-advisor preferences audit train.jsonl --test test.jsonl
             finetune-advisor preferences audit plan.yaml
    Exit codes: 0 fit to train, or to fix first; 1 something to change; 3 unfit.
    """
    from advisor.cli.console import busy, plain_console
    from advisor.cli.options import data_spec
    from advisor.cli.show_preferences import show_preferences
    from pipelines.preferences.on_files import audit_file

    with busy(f"Auditing {file}"):
        found = audit_file(data_spec(file, options, Path.cwd()), Path.cwd())
    if as_json:
        click.echo(found.model_dump_json(indent=1))
    else:
        show_preferences(plain_console(), found)
    ctx.exit(3 if found.verdict == "unfit" else 0)
