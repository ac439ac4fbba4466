"""`eject`: a plan's stages as configs and data of a peer."""

from pathlib import Path

import click


@click.command()
@click.argument("plan", metavar="PLAN|RUN", type=click.Path(path_type=Path))
@click.option("--to", "peer", type=click.Choice(("trl", "llamafactory", "axolotl")), required=True, help="The peer.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option("--stage", help="One stage alone; else all of them, each from what the last one leaves.")
def eject(plan: Path, peer: str, out: Path, stage: str | None) -> None:
    """Write configs and data files with which a peer does what PLAN says, and list what it cannot do.

    \b
    Example: finetune-advisor eject plan.yaml --to trl --out trl
             sh trl/run.sh
    """
    from advisor.cli.console import busy
    from advisor.cli.show_eject import show_eject
    from pipelines.eject.eject import eject as write
    from pipelines.run_source import plan_of

    loaded, run_folder = plan_of(plan)
    with busy(f"Reading {loaded.path.name} for {peer}"):
        done = write(loaded, run_folder, peer, out.resolve(), stage)
    click.echo(show_eject(done))
