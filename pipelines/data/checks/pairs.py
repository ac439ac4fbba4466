"""Checks of preference pairs."""

from pipelines.data.checks.found import found
from pipelines.data.pairs import prompts_differ
from pipelines.data.rows import Finding, Rows


def equal_pairs(rows: Rows) -> list[Finding]:
    """A pair of equal answers prefers nothing."""
    equal = [row for row in rows.rows if row.chosen is not None and row.chosen.strip() == (row.rejected or "").strip()]
    return found("equal_pairs", "error", equal, "{n} pairs have the same text as chosen and rejected", "remove them")


def different_prompts(rows: Rows) -> list[Finding]:
    """Conversations that differ before the last turn: their answers cannot be compared."""
    chosen, rejected = rows.roles.get("chosen"), rows.roles.get("rejected")
    if chosen is None or rejected is None:
        return []
    different = [row for row in rows.rows if prompts_differ(row.columns.get(chosen), row.columns.get(rejected))]
    message = "{n} pairs answer different prompts and are not used"
    return found("different_prompts", "warning", different, message, "remove them, or give both the same prompt")
