"""`profile`: what a data file holds, and what of it would spoil a training run."""

from pathlib import Path

import click

from advisor.cli.options import language_option, whole_data_options


@click.command()
@click.argument("data")
@whole_data_options
@click.option("--model", metavar="NAME", help="Count tokens with this model's tokenizer; else they are estimated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
@language_option
@click.pass_context
def profile(ctx: click.Context, /, data: str, model: str | None, as_json: bool, **options: object) -> None:
    """Measure DATA: all rows for counts, faults and leaks, a sample of 20,000 for what takes longer.

    \b
    Example: finetune-advisor profile rows.jsonl
             finetune-advisor profile train.csv --test test.csv --column prompt=body
    Exit codes: 0 done; 1 something to change; 3 a finding is blocking.
    """
    from advisor.cli.console import busy, plain_console
    from advisor.cli.options import data_spec
    from advisor.cli.show_profile import show_profile
    from advisor.profiling.profile_file import profile_file

    with busy(f"Looking at {data}"):
        report = profile_file(data_spec(data, options, Path.cwd()), Path.cwd(), model)
    if as_json:
        click.echo(report.model_dump_json(indent=1))
    else:
        show_profile(plain_console(), report)
    ctx.exit(3 if report.blocked else 0)
