"""`compare`: several runs side by side."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
def compare(runs: tuple[Path, ...], as_json: bool) -> None:
    """Show the final models of RUNS (folders such as runs/NAME), paired with the first one's.

    \b
    Example: finetune-advisor compare runs/sft runs/grpo
    """
    from advisor.cli.console import plain_console
    from advisor.cli.show_compare import compare_json, compare_table
    from pipelines.evals.runs import compared

    found = compared(runs)
    if as_json:
        click.echo(json.dumps(compare_json(found), indent=1))
    else:
        plain_console().print(compare_table(found))
