"""`pilot`: a short race of the methods before the long training."""

from pathlib import Path

import click


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--minutes", type=click.FloatRange(min=0.01), default=10.0, show_default=True, help="Of training, in the race."
)
@click.option("--methods", metavar="A,B", help="Try only these: sft, rejection_sampling, grpo, ppo, dpo, kto.")
@click.option("--no-curve", is_flag=True, help="Do not measure what more labels are worth.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the plan that follows from it to this file.")
@click.option("--force", is_flag=True, help="Overwrite that file.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def pilot(ctx: click.Context, /, plan: Path, write: Path | None, force: bool, as_json: bool, **options: object) -> None:
    """Race the methods that PLAN's data allow, each for the same time, on its validation rows.

    \b
    Example: finetune-advisor pilot plan.yaml --minutes 20 --write better.yaml
    The worse half stops after each round. Stopped, the same command goes on. Test rows are never read.
    """
    from advisor.cli.progress import Terminal
    from advisor.cli.show_pilot import show_pilot
    from advisor.pilot.apply import applied, text_of
    from advisor.pilot.run import Ended, Settings, pilot_folder, run_pilot
    from advisor.plan_text import write_plan
    from pipelines.plan_file import load_plan

    loaded = load_plan(plan)
    named = tuple(filter(None, str(options["methods"] or "").replace(" ", "").split(",")))
    settings = Settings(float(str(options["minutes"])), named, not options["no_curve"])
    try:
        with Terminal() as terminal:
            result = run_pilot(loaded, pilot_folder(loaded).resolve(), settings, terminal)
    except Ended as ended:
        ctx.exit(ended.code)
    click.echo(result.model_dump_json(indent=2) if as_json else show_pilot(result))
    if write is not None:
        write_plan(text_of(applied(loaded, result), result), write, force)
        click.echo(f"Wrote {write}", err=True)
