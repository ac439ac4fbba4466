"""`probe`: what a model does on a task now, and whether a better prompt would do."""

from pathlib import Path
from typing import Any

import click

from advisor.cli.options import data_options


@click.command()
@click.argument("plan", type=click.Path(path_type=Path), required=False)
@click.option("--data", metavar="FILE", help="Rows, where there is no plan: a file, a folder or a hub id.")
@click.option("--model", metavar="NAME", help="`starter`, a model folder or a hub id; goes with --data.")
@click.option(
    "--grader", metavar="GRADER", help="A grader's type, its mapping, or a YAML file; else the one that fits."
)
@data_options
@click.option(
    "--rows", type=click.IntRange(1), help="Ask at most so many rows; else as the plan's probe stage, or 100."
)
@click.option("--samples", type=click.IntRange(2, 256), help="Answers drawn to each row; else as there, or 16.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
@click.pass_context
def probe(ctx: click.Context, /, plan: Path | None, as_json: bool, **options: Any) -> None:
    """Measure what the model of PLAN does now, on rows that prove nothing later, and compare ways to ask it.

    \b
    Example: finetune-advisor probe plan.yaml
             finetune-advisor probe --data rows.jsonl --model Qwen/Qwen3-0.6B --grader numeric
    Exit codes: 0 measured; 1 something to change; 75 stopped, 130 interrupted: run again to go on.
    """
    from advisor.cli.console import plain_console
    from advisor.cli.probe_request import to_probe
    from advisor.cli.progress import Terminal
    from advisor.cli.show_probe import outcome_json, show_outcome
    from pipelines.probing import probe as measure

    loaded = to_probe(plan, options)
    with Terminal() as terminal:
        outcome = measure(loaded, terminal, options["rows"], options["samples"])
    if outcome.found is None:
        click.echo("Stopped. Run the same command again to go on.", err=True)
    elif as_json:
        click.echo(outcome_json(outcome))
    else:
        show_outcome(plain_console(), outcome)
    ctx.exit(outcome.code)
