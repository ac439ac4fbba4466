"""`import-openai`: an OpenAI fine-tuning job or grader becomes plan.yaml."""

import json
import shlex
from pathlib import Path

import click

from advisor.cli.options import data_options


@click.command("import-openai")
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--data", required=True, metavar="FILE", help="The training rows, which the job knows as a file id.")
@click.option("--model", metavar="NAME", help="`starter`, a model folder or a hub id.")
@data_options
@click.option("--out", type=click.Path(path_type=Path), default=Path("plan.yaml"), help="Where the plan goes.")
@click.option("--force", is_flag=True, help="Overwrite a plan that differs.")
@click.option("--json", "as_json", is_flag=True, help="Print what was said as JSON.")
def import_openai(job: Path, data: str, model: str | None, out: Path, as_json: bool, **options: object) -> None:
    """Turn JOB, the JSON of an OpenAI fine-tuning job or of a grader, into plan.yaml.

    \b
    Example: finetune-advisor import-openai job.json --data train.jsonl --validation valid.jsonl
    What has no counterpart is said with the reason; a grader that the rows do not fit is refused.
    """
    from advisor.checks import STARTER
    from advisor.checks import model as checked_model
    from advisor.cli.options import data_spec, path_from
    from advisor.openai.plan import Request, import_job

    spec = data_spec(path_from(data, out.parent), options, out.parent)
    name = str(checked_model(path_from(model, out.parent) if model else STARTER, out.parent))
    done = import_job(Request(job, spec, name, out, bool(options["force"])))
    if as_json:
        click.echo(json.dumps({"plan": str(out), "written": done.written, "notes": done.notes}, indent=1))
        return
    for notes in done.notes.values():
        for note in notes:
            click.echo(f"- {note}")
    click.echo(f"{'wrote' if done.written else 'unchanged:'} {out}")
    click.echo(f"next:  finetune-advisor run {shlex.quote(str(out))}")
