"""Checks of preference pairs."""

from pipelines.data.checks.found import found
from pipelines.data.pairs import has_answer, prompts_differ
from pipelines.data.rows import Finding, Row, Rows


def missing_sides(rows: Rows) -> list[Finding]:
    """Pairs of which one answer, or both, is not there or holds nothing but space."""
    columns = _sides(rows)
    if columns is None:
        return []
    meant = [row for row in rows.rows if not _something_else(row, columns)]
    gone = {side: [row for row in meant if not has_answer(row.columns.get(side))] for side in columns}
    numbers = {row.number for members in gone.values() for row in members}
    missing = [row for row in rows.rows if row.number in numbers]
    each = " and ".join(f"{side} in {len(members)}" for side, members in gone.items() if members)
    message = f"{{n}} pairs lack an answer and are not used ({each})"
    return found("missing_sides", "warning", missing, message, "fill the side in, or remove the pair")


def _something_else(row: Row, columns: tuple[str, str]) -> bool:
    """A demonstration, or a prompt with what an answer is compared with, in a file that also holds pairs."""
    neither = not any(has_answer(row.columns.get(side)) for side in columns)
    return neither and (row.completion is not None or row.reference is not None)


def undecided(rows: Rows) -> list[Finding]:
    """Two answers of which no more than half of the votes prefer one."""
    if rows.comparison is None:
        return []
    sides = (rows.comparison.first, rows.comparison.second)
    tied = [row for row in rows.rows if row.chosen is None and all(has_answer(row.columns.get(side)) for side in sides)]
    tied = [row for row in tied if not prompts_differ(*(row.columns.get(side) for side in sides))]
    message = f"{{n}} of {len(rows.rows)} comparisons are ties or have no verdict, and give no pair"
    return found("undecided", "note", tied, message)


def equal_pairs(rows: Rows) -> list[Finding]:
    """A pair of equal answers prefers nothing."""
    equal = [row for row in rows.rows if row.chosen is not None and row.chosen.strip() == (row.rejected or "").strip()]
    return found("equal_pairs", "error", equal, "{n} pairs have the same text as chosen and rejected", "remove them")


def nearly_equal_pairs(rows: Rows) -> list[Finding]:
    """Answers that differ in case and spaces alone: few tasks mean that, and most tokenizers see another text."""
    alike = [row for row in rows.rows if row.chosen and row.rejected and _bare(row.chosen) == _bare(row.rejected)]
    alike = [row for row in alike if str(row.chosen).strip() != str(row.rejected).strip()]
    message = "{n} pairs differ in nothing but case and spaces"
    return found("nearly_equal_pairs", "warning", alike, message, "remove them, unless the task is about just that")


def different_prompts(rows: Rows) -> list[Finding]:
    """Conversations that differ before the last turn: their answers cannot be compared."""
    columns = _sides(rows)
    if columns is None:
        return []
    different = [row for row in rows.rows if _complete(row, columns)]
    different = [row for row in different if prompts_differ(*(row.columns.get(side) for side in columns))]
    message = "{n} pairs answer different prompts and are not used"
    return found("different_prompts", "warning", different, message, "remove them, or give both the same prompt")


def _sides(rows: Rows) -> tuple[str, str] | None:
    """The columns of the two answers; None where a pair is made of something else, such as a ranking."""
    if rows.comparison is not None:
        return rows.comparison.first, rows.comparison.second
    chosen, rejected = rows.roles.get("chosen"), rows.roles.get("rejected")
    return (chosen, rejected) if chosen and rejected and chosen != rejected else None


def _complete(row: Row, columns: tuple[str, str]) -> bool:
    return all(has_answer(row.columns.get(side)) for side in columns)


def _bare(text: str) -> str:
    return " ".join(text.casefold().split())
