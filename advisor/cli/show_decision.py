"""A decision, fresh or as a plan keeps it, for the terminal and for machines."""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from advisor.cli.console import print_indented
from advisor.cost import Costed
from advisor.decide import Decision
from advisor.planner import record
from pipelines.language import shown
from pipelines.plan import DecisionRecord


def decision_values(decision: Decision) -> dict[str, Any]:
    """The decision as plain values; `rules` are the ids of what counted."""
    runner_up = decision.runner_up
    return {
        "outcome": decision.outcome,
        "stages": decision.stages,
        "because": decision.because,
        "rules": [fired.id for fired in decision.fired],
        "sources": decision.sources,
        "runner_up": dataclasses.asdict(runner_up) if runner_up else None,
        "would_change": decision.would_change,
        "edges": [{"when": edge.found, "then": edge.then, "gate": edge.gate} for edge in decision.edges],
        "missing": decision.missing,
    }


def decision_json(decision: Decision) -> str:
    """The same as JSON text."""
    return json.dumps(decision_values(decision), indent=1, ensure_ascii=False)


def show_decision(console: Console, decision: Decision) -> None:
    """Advice, reasons, runner-up, what would change it, the edges, and what to collect."""
    show_record(console, record(decision))
    _list(console, "Collect one of", decision.missing)


def show_record(console: Console, kept: DecisionRecord) -> None:
    """A decision as a plan keeps it."""
    console.print(Text.assemble(shown("Advice: "), (shown(kept.advice or kept.outcome), "bold green")))
    _list(console, "", kept.because)
    if kept.runner_up:
        advice, _, reason = kept.runner_up.partition(": ")
        _list(console, f"Runner-up: {advice}", [reason])
    _list(console, "The advice would change", map(_world, kept.would_change))
    _list(console, "On the way", kept.edges)
    _list(console, "What it takes", kept.costs)
    _list(console, "Sources", kept.sources)


def _list(console: Console, title: str, lines: Iterable[str]) -> None:
    told = [shown(line) for line in lines]
    if told and title:
        console.print(shown(title))
    for line in told:
        print_indented(console, Text(f"- {line}"))


def _world(line: str) -> str:
    """What would have to be otherwise, and the advice then."""
    change, _, advice = line.partition(": ")
    return f"{shown(change)}{shown(': ')}{shown(advice)}"


def show_costs(console: Console, costs: Sequence[Costed]) -> None:
    """What the advice and the runner-up take on this machine."""
    _list(console, "What it takes", (costed.hours for costed in costs))
    if any(costed.cost.hours is not None for costed in costs):
        said = "by formula, mostly right within a factor of three; finetune-advisor check PLAN --time measures"
        console.print(Text(f"  {shown(said)}", "dim"))
