"""`schema`: the JSON Schema of plan.yaml, for editors."""

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of plan.yaml.

    \b
    Example: finetune-advisor schema > plan.schema.json
    """
    from pipelines.plan import Plan

    click.echo(json.dumps(Plan.model_json_schema(), indent=1))
