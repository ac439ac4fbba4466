"""`run`: a plan's stages, in order."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder, instead of runs/<name>/ by the plan.")
@click.option("--until", metavar="STAGE", help="Stop after this stage.")
@click.option("--force", metavar="STAGE", multiple=True, help="Run this stage again, with all that reads it.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a key: stages.sft.epochs=3.")
@click.option("--dry-run", is_flag=True, help="Only show which stages would run, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def run(ctx: click.Context, /, plan: Path, out: Path | None, dry_run: bool, as_json: bool, **options: object) -> None:
    """Run PLAN; what is done is skipped, what was stopped goes on.

    \b
    Example: finetune-advisor run plan.yaml --until after_sft
    Exit codes: 0 done, 1 something to change, 3 a gate said no, 75 stopped, 130 interrupted.
    """
    from advisor.cli.progress import Terminal
    from advisor.cli.status import show_status
    from pipelines.launcher import INTERRUPTED, STOPPED
    from pipelines.plan_file import load_plan
    from pipelines.runner import Options, default_run_folder, run_plan

    loaded = load_plan(plan, tuple(options["overrides"]))  # type: ignore[arg-type]  # click gives a tuple of texts
    run_folder = (out or default_run_folder(loaded)).resolve()
    if dry_run:
        show_status(loaded, run_folder, as_json)
        return
    with Terminal() as terminal:
        code = run_plan(loaded, run_folder, Options(options["until"], tuple(options["force"])), terminal)  # type: ignore[arg-type]
    report = run_folder / "report.json"
    if as_json and report.exists():
        click.echo(report.read_text(encoding="utf-8"), nl=False)
    elif report.exists() and code in (STOPPED, INTERRUPTED):  # a verdict on half of a plan would mislead
        click.echo(f"Report so far: {run_folder / 'report.md'}")
    elif report.exists():
        found = json.loads(report.read_text(encoding="utf-8"))
        click.echo("\n".join([found["verdict"], *found["details"]]))
        click.echo(f"Report: {run_folder / 'report.md'}")
    if code in (STOPPED, INTERRUPTED):
        what = "Waiting for people's answers. When they are there, run" if terminal.waiting else "Stopped. Run"
        click.echo(f"{what} the same command again to go on.", err=True)
    ctx.exit(code)
