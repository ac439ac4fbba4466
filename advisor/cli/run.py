"""`run`: a plan's stages, in order."""

from pathlib import Path

import click

from advisor.cli.options import language_option, machine_options, machines_of


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder, instead of runs/<name>/ by the plan.")
@click.option("--stage", metavar="STAGE", help="Only this stage; those before it must be done.")
@click.option("--from", "start", metavar="STAGE", help="Run nothing before this stage.")
@click.option("--until", metavar="STAGE", help="Stop after this stage.")
@click.option("--force", metavar="STAGE", multiple=True, help="Run this stage again, with all that reads it.")
@click.option("--allow-gate", "allowed", metavar="STAGE", multiple=True, help="Go on though this stage's gate is shut.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a key: stages.sft.epochs=3.")
@click.option("--dry-run", is_flag=True, help="Only show which stages would run, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--events", metavar="FILE", help="Add what happens to this file, as JSON lines.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write stages and gates to this file, as JUnit XML.")
@machine_options
@language_option
@click.pass_context
def run(ctx: click.Context, /, plan: Path, out: Path | None, dry_run: bool, as_json: bool, **options: object) -> None:
    """Run PLAN; what is done is skipped, what was stopped goes on.

    \b
    Example: finetune-advisor run plan.yaml --until after_sft
    Exit codes: 0 done, 1 something to change, 3 a gate said no, 75 stopped, 130 interrupted.
    """
    from advisor.ci.watched import watched_run
    from advisor.cli.show_run import show_outcome
    from advisor.cli.status import show_status
    from pipelines.plan_file import load_plan
    from pipelines.runner import Options, default_run_folder, to_run

    machines, loaded = machines_of(options, load_plan(plan, tuple(options["overrides"])))  # type: ignore[arg-type]
    run_folder = (out or default_run_folder(loaded)).resolve()
    only = options["stage"]
    limits = {"start": only or options["start"], "until": only or options["until"], "machines": machines}
    chosen = Options(**limits, force=tuple(options["force"]), allow=tuple(options["allowed"]))  # type: ignore[arg-type]
    if dry_run:
        to_run(loaded, run_folder, chosen)  # refuses what a run would refuse
        show_status(loaded, run_folder, as_json)
        return
    code, waiting = watched_run(loaded, run_folder, chosen, options["events"], options["junit"])  # type: ignore[arg-type]
    show_outcome(run_folder, code, waiting, as_json)
    ctx.exit(code)
