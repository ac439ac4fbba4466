"""`grade`: what graders do without any training: run, validate, audit."""

import click

from advisor.cli.grade_audit import audit
from advisor.cli.grade_run import run
from advisor.cli.grade_validate import validate


@click.group()
def grade() -> None:
    """Grade a model's outputs, check a grader, or audit it on your rows.

    \b
    GRADER is a YAML file with one grader, an OpenAI grader as JSON, or a plan.yaml.
    Example: finetune-advisor grade run grader.yaml outputs.jsonl
             finetune-advisor grade validate grader.json rows.jsonl
             finetune-advisor grade audit plan.yaml rows.jsonl
    """


for command in (run, validate, audit):
    grade.add_command(command)
