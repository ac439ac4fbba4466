"""`launch`: a plan as a job of a cluster's queue."""

from pathlib import Path

import click


@click.group()
def launch() -> None:
    """Write what a cluster needs to run a plan. SkyPilot and Kubernetes: see examples/ in the repository.

    \b
    Example: finetune-advisor launch slurm plan.yaml --nodes 2 --gpus-per-node 8
    """


@launch.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--nodes", type=click.IntRange(1), default=1, help="How many; they share the folder of the plan.")
@click.option(
    "--gpus-per-node", type=click.IntRange(0), default=1, help="A process is started for each; 0: one on CPU."
)
@click.option("--time", default="24:00:00", help="After which the job is queued again, as sbatch takes it.")
@click.option("--partition", help="As sbatch takes it.")
@click.option("--account", help="As sbatch takes it.")
@click.option("--out", type=click.Path(path_type=Path), help="The script to write, instead of <name>.sbatch.")
def slurm(plan: Path, out: Path | None, **options: object) -> None:
    """Write a batch script for PLAN that saves a checkpoint before it is taken away, and queues itself again.

    \b
    Example: finetune-advisor launch slurm plan.yaml --gpus-per-node 4 --time 8:00:00 --out train.sbatch
    """
    import shlex

    from advisor.slurm import SlurmJob, batch_script, write_script
    from pipelines.language import shown
    from pipelines.plan_file import load_plan

    loaded = load_plan(plan)
    path = out or Path(f"{loaded.plan.name}.sbatch")
    write_script(path, batch_script(loaded, SlurmJob(**options)))  # type: ignore[arg-type]  # click gives these types
    click.echo(shown(f"Submit it: sbatch {shlex.quote(str(path))}"))
