"""`status`: which stages of a plan are done, and why the others would run."""

import json
from pathlib import Path

import click

from pipelines.plan_file import LoadedPlan


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder, instead of runs/<name>/ by the plan.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(plan: Path, out: Path | None, as_json: bool) -> None:
    """Show which stages of PLAN are done, and why the others would run.

    \b
    Example: finetune-advisor status plan.yaml
    """
    from pipelines.plan_file import load_plan
    from pipelines.runner import default_run_folder

    loaded = load_plan(plan)
    show_status(loaded, (out or default_run_folder(loaded)).resolve(), as_json)


def show_status(loaded: LoadedPlan, run_folder: Path, as_json: bool) -> None:
    """Prints one line a stage."""
    from pipelines.state import steps, versions, why_run

    rows = []
    for step in steps(loaded, run_folder):
        record = step.record()
        row = {"stage": step.stage.name, "type": step.stage.type, "done": record is not None}
        row["why"] = why_run(step, run_folder)
        if record is not None:
            changed = [name for name, version in versions().items() if record.versions.get(name) != version]
            row |= {"seconds": record.seconds, "pass_rate": record.numbers.get("pass_rate"), "other_versions": changed}
        rows.append(row)
    if as_json:
        click.echo(json.dumps({"run": str(run_folder), "stages": rows}, indent=1))
        return
    from rich.console import Console

    _print(Console(), run_folder, rows)


def _print(console: object, run_folder: Path, rows: list[dict[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("stage", "type", "state", "", title=str(run_folder), title_justify="left")
    for row in rows:
        rate = f"pass rate {row['pass_rate']:.1%}" if isinstance(row.get("pass_rate"), float) else ""
        made = f"  made with other versions of {', '.join(row['other_versions'])}" if row.get("other_versions") else ""  # type: ignore[arg-type]
        done = (f"[green]done[/] in {row['seconds']} s", rate + made)
        state = done if row["done"] else ("[yellow]would run[/]", str(row["why"]))
        table.add_row(str(row["stage"]), str(row["type"]), *state)
    assert isinstance(console, Console)
    console.print(table)
