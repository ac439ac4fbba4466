"""Grades and validations for the terminal, and a validation for machines."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.evals.grade_rows import RowGrade, Summary
from pipelines.evals.validate import Validation

_GROUPS = 12


def show_grades(console: Console, records: Sequence[RowGrade], summary: Summary) -> None:
    """Grades grouped by kind of reason, with an example each, then the summary."""
    groups: dict[tuple[str, str], list[RowGrade]] = {}
    for record in records:
        groups.setdefault((_shown(record.score), _kind(record.reason)), []).append(record)
    table = Table("rows", "score", "why, as in the first of them", "row", box=None, header_style="dim", padding=(0, 2))
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    for (score, _), group in ordered[:_GROUPS]:
        table.add_row(f"{len(group):,}", score, Text(group[0].reason), str(group[0].row))
    console.print(table)
    if len(ordered) > _GROUPS:
        rest = sum(len(group) for _, group in ordered[_GROUPS:])
        console.print(f"  and {rest:,} rows with {len(ordered) - _GROUPS} other reasons; --json shows every row")
    console.print()
    for line in _summary(summary):
        console.print(line, highlight=False)


def _summary(summary: Summary) -> list[str]:
    lines = [f"{summary.n:,} rows in {summary.seconds:.2f} s ({summary.milliseconds_a_row:.3f} ms a row)"]
    if summary.score is not None and summary.pass_rate is not None:
        low, high = summary.pass_interval
        lines.append(f"score     {summary.score.mean:.3f} ({summary.score.low:.3f} to {summary.score.high:.3f})")
        lines.append(f"pass rate {summary.pass_rate:.1%} ({low:.1%} to {high:.1%}), n={summary.scored:,}")
    if summary.unscored:
        lines.append(f"unscored  {summary.unscored:,}: {_counted(summary.unscored_reasons)}")
    if summary.errors:
        lines.append(f"errors    {_counted(summary.errors)}")
    return lines


def show_validation(console: Console, found: Validation) -> None:
    """The grader as it is read, then what rows lack and what breaks."""
    fields = found.grader.model_dump(mode="json")
    console.print(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True).rstrip(), highlight=False)
    console.print()
    for lack in found.lacks:
        rows = ", ".join(map(str, lack.rows[:8]))
        console.print(Text(f"{lack.count:,} of {lack.of:,} rows lack {lack.what} (rows {rows})", "yellow"))
    for failure in found.failures:
        rows = f" (rows {', '.join(map(str, failure.rows[:8]))})" if failure.rows else ""
        console.print(Text(f"broken: {failure.check}: {failure.message}{rows}", "yellow"))
    if not found.num_rows:
        console.print("It loads. Name rows to see whether it can grade them.")
    elif found.holds:
        console.print(f"It loads, can grade each of {found.num_rows:,} rows, and keeps the contract of graders.")


def validation_json(found: Validation) -> str:
    """The same for machines."""
    values = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    return json.dumps(
        values
        | {
            "grader": found.grader.model_dump(mode="json"),
            "lacks": [dataclasses.asdict(lack) for lack in found.lacks],
            "failures": [dataclasses.asdict(failure) for failure in found.failures],
        },
        ensure_ascii=False,
    )


def _kind(reason: str) -> str:
    """A reason without what differs from row to row: quotes and numbers."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|[-$]?\d[\d,./%]*", "…", reason)[:80]


def _shown(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"


def _counted(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{name} ({count:,})" for name, count in counts.items())
