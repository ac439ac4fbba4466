"""`advise`: decide from a file of facts alone."""

from pathlib import Path

import click

from advisor.cli.options import language_option


@click.command()
@click.option("--facts", type=click.Path(path_type=Path), required=True, help="YAML or JSON file of facts.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
@language_option
def advise(facts: Path, as_json: bool) -> None:
    """Decide from facts alone: no data is read and no model is tried. `null` means unknown.

    \b
    Example: finetune-advisor advise --facts facts.yaml --json
    """
    from advisor.case_facts import read_facts
    from advisor.cli.console import plain_console
    from advisor.cli.show_decision import decision_json, show_decision
    from advisor.decide import decide

    decision = decide(read_facts(facts))
    if as_json:
        click.echo(decision_json(decision))
    else:
        show_decision(plain_console(), decision)
