"""`export`: a run's model as a folder that ships."""

from pathlib import Path

import click

GATE_CLOSED = 3


@click.command()
@click.argument("plan", metavar="PLAN|RUN", type=click.Path(path_type=Path))
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option("--stage", help="Whose model; else the plan's last.")
@click.option("--dtype", type=click.Choice(("bf16", "fp32", "fp16")), default="bf16", show_default=True)
@click.option("--gguf", is_flag=True, help="A GGUF file too, by llama.cpp's converter.")
@click.option("--push", metavar="OWNER/NAME", help="Upload it to the Hugging Face hub.")
@click.option("--public", is_flag=True, help="With --push: for everyone to see.")
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder, instead of runs/<name>/ by the plan.")
@click.pass_context
def export(ctx: click.Context, /, plan: Path, to: Path, out: Path | None, **options: object) -> None:
    """Write the model that a run left: weights, tokenizer, template, adapter, card, Modelfile.

    \b
    Example: finetune-advisor export runs/sums --to my-model
    It is loaded again and compared with the model that was measured; exit code 3 where it is not the same.
    """
    from advisor.cli.show_export import Spoken, show_export
    from pipelines.export.chosen import choose
    from pipelines.export.export import export as write
    from pipelines.export.hub import push
    from pipelines.run_source import plan_of
    from pipelines.state import steps

    loaded, run_folder = plan_of(plan)
    run_folder = out.resolve() if out else run_folder
    stage = None if options["stage"] is None else str(options["stage"])
    chosen = choose(loaded, run_folder, steps(loaded, run_folder), stage)
    done = write(chosen, to.resolve(), str(options["dtype"]), bool(options["gguf"]), Spoken())
    click.echo(show_export(done))
    if done.folder is None:
        ctx.exit(GATE_CLOSED)
    if options["push"]:
        click.echo(push(done.folder, str(options["push"]), not options["public"]))
