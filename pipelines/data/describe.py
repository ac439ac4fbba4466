"""Rows and findings for the terminal; plain text where it has no colour."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from pipelines.data.rows import Finding, Rows
from pipelines.data.table import listed
from pipelines.language import shown
from pipelines.wrapped import Wrapped

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_FEW = 8


def describe(rows: Rows, findings: Sequence[Finding]) -> Group:
    """Source and layout, a table of roles, the loader's notes, and what the checks found."""
    head = Text.assemble((rows.source, "bold"), shown(f": {len(rows.rows)} rows, {rows.layout}"))
    notes = [Wrapped(Text(f"  {shown(note)}")) for note in rows.notes]
    return Group(head, _roles(rows), *notes, *[Wrapped(_finding(finding)) for finding in findings])


def _roles(rows: Rows) -> Table:
    table = Table(*map(shown, ("role", "column", "first row")), box=None, header_style="dim", padding=(0, 2))
    for role, column in rows.roles.items():
        table.add_row(role, column, _example(rows, column))
    return table


def _example(rows: Rows, column: str, length: int = 60) -> str:
    value = rows.rows[0].columns.get(column) if rows.rows else None
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= length else text[: length - 3] + "..."


def _finding(finding: Finding) -> Text:
    text = Text.assemble(
        "  ", (shown(finding.severity), _STYLES[finding.severity]), f"{shown(': ')}{shown(finding.message)}"
    )
    if finding.rows:
        rows = listed(finding.rows) if finding.count <= _FEW else f"{', '.join(map(str, finding.rows[:_FEW]))} ..."
        text.append(shown(f" (rows {rows})"), "dim")
    return text.append(f"\n    {shown(finding.fix)}", "dim") if finding.fix else text
