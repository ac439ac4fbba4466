"""`label`: people compare what a model wrote."""

from pathlib import Path

import click


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--stage", metavar="NAME", help="Which stage of type `label`, where the plan has several.")
@click.option("--annotator", metavar="NAME", help="The name that is proposed, or that of imported answers.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the page; else that of the last time.")
@click.option("--terminal", is_flag=True, help="Ask here instead of on a page, as over ssh.")
@click.option("--import", "source", type=click.Path(path_type=Path), help="Take in answers or pairs from this file.")
@click.option("--export", "target", type=click.Path(path_type=Path), help="Write every answer to this file.")
@click.option("--judge", is_flag=False, flag_value="", metavar="[GRADER]", help="Let the plan's judge answer.")
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder, instead of runs/<name>/ by the plan.")
def label(plan: Path, stage: str | None, out: Path | None, **options: object) -> None:
    """Serve a page on this machine where people compare the completions that a stage `label` of PLAN sampled.

    \b
    Example: finetune-advisor label plan.yaml
    """
    from advisor.labelling.work import Wish, work
    from pipelines.plan_file import load_plan
    from pipelines.preferences.place import label_step, open_place
    from pipelines.runner import default_run_folder

    loaded = load_plan(plan)
    run_folder = (out or default_run_folder(loaded)).resolve()
    step = label_step(loaded, run_folder, stage)
    work(open_place(loaded, run_folder, step), loaded, run_folder, step, Wish(**options))  # type: ignore[arg-type]
