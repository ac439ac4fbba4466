"""Runs side by side, as a table and as JSON."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from pipelines.evals.runs import RunResult
from pipelines.evals.verdict import method_name, percent, points


def compare_table(found: Sequence[RunResult]) -> Table:
    """A line a run."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("run", "model", "method", "base", "final", "n", "against the first run", "training"):
        table.add_column(heading, overflow="fold")
    for one in found:
        final = one.final
        seconds = "-" if final.seconds is None else f"{final.seconds:.0f} s"
        rates = (percent(one.report.baseline.pass_rate), percent(final.pass_rate), str(final.n))
        table.add_row(one.name, final.name, method_name(final.method), *rates, _change(one), seconds)
    return table


def _change(one: RunResult) -> str:
    change = one.to_first.difference if one.to_first else None
    if one.to_first is None or change is None:
        return one.why or "-"
    return f"{points(change.points)} ({points(change.low)} to {points(change.high)}), {one.to_first.claim}"


def compare_json(found: Sequence[RunResult]) -> list[dict[str, Any]]:
    """What the table shows, with the whole comparison."""
    return [
        {
            "run": one.name,
            "model": one.final.name,
            "method": one.final.method,
            "pass_rate": one.final.pass_rate,
            "interval": one.final.interval,
            "n": one.final.n,
            "seconds": one.final.seconds,
            "to_first": one.to_first.model_dump(mode="json") if one.to_first else None,
            "why_not_compared": one.why or None,
        }
        for one in found
    ]
