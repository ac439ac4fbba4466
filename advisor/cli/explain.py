"""`explain`: tell the decision that a plan keeps."""

from pathlib import Path

import click

from advisor.cli.options import language_option


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@language_option
def explain(plan: Path, as_json: bool) -> None:
    """Tell why a plan looks as it does: reasons, sources, runner-up, what would change the advice.

    \b
    Example: finetune-advisor explain plan.yaml
    """
    from advisor.cli.console import plain_console
    from advisor.cli.show_decision import show_record
    from graders.errors import UserError
    from pipelines.plan_file import load_plan

    record = load_plan(plan).plan.decision
    if record is None:
        expected = "a plan that `finetune-advisor init` wrote"
        raise UserError("the plan holds no decision: it was written by hand", expected, where=str(plan))
    if as_json:
        click.echo(record.model_dump_json(indent=1))
    else:
        show_record(plain_console(), record)
