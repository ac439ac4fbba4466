"""`init`: interview, measure, decide, and write plan.yaml."""

from pathlib import Path

import click

from advisor.cli.options import data_options, language_option


@click.command()
@click.option("--data", metavar="FILE", help="File, folder saved by `datasets`, or hub id.")
@click.option("--preferences", metavar="FILE", help="Pairs, or answers marked good or bad, in a file of their own.")
@click.option("--model", metavar="NAME", help="`starter`, a model folder or a hub id.")
@click.option("--answers", type=click.Path(path_type=Path), help="Take answers from this file.")
@click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Give one answer.")
@click.option("--yes", is_flag=True, help="Take the default of every question that has no answer yet.")
@click.option(
    "--probe/--no-probe",
    default=None,
    help="Try the model on the rows first: measure in place of assuming; else where it takes a minute at most.",
)
@data_options
@click.option("--out", type=click.Path(path_type=Path), default=Path("plan.yaml"), help="Where the plan goes.")
@click.option("--force", is_flag=True, help="Overwrite a plan that differs.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@language_option
def init(out: Path, yes: bool, as_json: bool, **options: object) -> None:
    """Look at the data, ask what only you know, advise SFT, RFT or RLHF, and write plan.yaml.

    \b
    Example: finetune-advisor init --data rows.jsonl --yes
             finetune-advisor init --data rows.csv --set reasoning_helps=no --out small.yaml --yes
    """
    from advisor.advise import advise, require_plan
    from advisor.cli.console import plain_console
    from advisor.cli.request import request_from
    from advisor.cli.show_advice import advice_json, show_advice

    advice = advise(request_from(out, yes, options))
    if as_json:
        click.echo(advice_json(advice, out))
    else:
        show_advice(plain_console(), advice, out)
    require_plan(advice)
