"""`schema`: the JSON Schema of plan.yaml, for editors, or of report.json, for what reads it."""

import json

import click


@click.command()
@click.argument("which", type=click.Choice(("plan", "report")), default="plan")
def schema(which: str) -> None:
    """Print the JSON Schema of plan.yaml, or of report.json.

    \b
    Example: finetune-advisor schema > plan.schema.json
    """
    from pipelines.evals.summary import Report
    from pipelines.plan import Plan

    shown = Plan.model_json_schema() if which == "plan" else Report.model_json_schema()
    click.echo(json.dumps(shown, indent=1))
