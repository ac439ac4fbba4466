"""`preferences`: what people prefer, before anything is trained on it."""

import click

from advisor.cli.preferences_audit import audit


@click.group()
def preferences() -> None:
    """Look at pairs of a better and a worse answer before a reward model or a policy learns from them.

    \b
    Example: finetune-advisor preferences audit pairs.jsonl
    """


preferences.add_command(audit)
