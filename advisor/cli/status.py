"""`status`: which stages of a plan are done, and why the others would run."""

import json
from pathlib import Path
from typing import Any

import click

from advisor.cli.options import language_option
from pipelines.language import shown
from pipelines.plan_file import LoadedPlan
from pipelines.state import Step


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder, instead of runs/<name>/ by the plan.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@language_option
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
    from pipelines.run_lock import at_work
    from pipelines.state import steps

    busy = at_work(run_folder)
    rows = [_stage(step, loaded, run_folder, busy) for step in steps(loaded, run_folder)]
    if as_json:
        click.echo(json.dumps({"run": str(run_folder), "stages": rows}, indent=1))
        return
    from rich.table import Table
    from rich.text import Text

    from advisor.cli.console import plain_console

    console = plain_console()
    console.print(Text(str(run_folder), "bold"))
    table = Table(*map(shown, ("stage", "type", "state")), "", box=None, header_style="dim", padding=(0, 2))
    for row in rows:
        words, colour = _state(row)
        table.add_row(row["stage"], row["type"], Text(shown(words), colour), _remark(row))
    console.print(table)


def _state(row: dict[str, Any]) -> tuple[str, str]:
    """Words and their colour."""
    if row["waits"]:
        return "waits for people", "yellow"
    if row["done"]:
        return f"done in {row['seconds']} s", "green"
    return ("at work", "cyan") if row["at_work"] else ("would run", "yellow")


def _stage(step: Step, loaded: LoadedPlan, run_folder: Path, busy: bool) -> dict[str, Any]:
    """One stage for machines: seconds and pass_rate are null where it is not done, why where it is done or at work,
    waits where people's answers are enough."""
    from pipelines.state import versions, why_run

    record = step.record()
    other = [name for name, version in versions().items() if record and record.versions.get(name) != version]
    at_work = busy and record is None and step.folder.exists()
    return {
        "stage": step.stage.name,
        "type": step.stage.type,
        "done": record is not None,
        "at_work": at_work,
        "why": None if at_work else why_run(step, run_folder),
        "seconds": record.seconds if record else None,
        "pass_rate": record.numbers.get("pass_rate") if record else None,
        "waits": _waits(step, loaded) if record else None,
        "other_versions": other,
    }


def _waits(step: Step, loaded: LoadedPlan) -> str | None:
    from pipelines.plan import Label
    from pipelines.preferences.enough import wanted

    return wanted(step.stage, loaded.plan, loaded.folder) if isinstance(step.stage, Label) else None


def _remark(row: dict[str, Any]) -> str:
    if not row["done"]:
        return shown(row["why"] or "")
    if row["waits"]:
        return shown(row["waits"])
    rate = [f"pass rate {row['pass_rate']:.1%}"] if row["pass_rate"] is not None else []
    other = [f"made with other versions of {', '.join(row['other_versions'])}"] if row["other_versions"] else []
    return shown("; ").join(map(shown, rate + other))
