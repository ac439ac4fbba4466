"""`check`: everything about a plan that can fail later, said now."""

from pathlib import Path

import click

from advisor.cli.options import language_option


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder, instead of runs/<name>/ by the plan.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a key: stages.sft.epochs=3.")
@click.option("--one-step", is_flag=True, help="Take real steps of each stage on its longest rows: memory measured.")
@click.option("--time", "timed", is_flag=True, help="Time three real steps of each stage: hours in all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
@language_option
@click.pass_context
def check(ctx: click.Context, /, plan: Path, out: Path | None, as_json: bool, **options: object) -> None:
    """Look at PLAN before it runs: data, template, graders, batches, memory, disk, environment, licences.

    \b
    Example: finetune-advisor check plan.yaml
             finetune-advisor check plan.yaml --one-step --time
    Exit codes: 0 nothing red; 3 something would fail, or the result would be worthless.
    """
    from advisor.cli.console import busy, plain_console
    from advisor.cli.show_check import show_check
    from pipelines.preflight.check import check_plan
    from pipelines.preflight.measured import Use

    asked: dict[Use, object] = {"memory": options["one_step"], "time": options["timed"]}
    uses = tuple(use for use, wanted in asked.items() if wanted)
    with busy(f"Checking {plan}"):
        found = check_plan(plan, out, tuple(options["overrides"]), uses)  # type: ignore[arg-type]  # click gives texts
    if as_json:
        click.echo(found.model_dump_json(indent=1))
    else:
        show_check(plain_console(), found)
    ctx.exit(3 if found.level == "red" else 0)
