"""Demonstrations with and without steps: only those that show how are imitated, the others are compared with."""

from collections.abc import Sequence
from dataclasses import replace

from pipelines.data.answer_kind import is_worked
from pipelines.data.rows import Row


def worked_alone(rows: Sequence[Row]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """The rows, in which an answer without steps is the reference and no completion; and a note that counts them."""
    bare = {row.number for row in rows if is_bare(row)}
    changed = tuple(compared_with(row) if row.number in bare else row for row in rows)
    note = f"{len(bare)} answers show no steps: they are compared with, and not imitated"
    return changed, (note,) if bare else ()


def is_bare(row: Row) -> bool:
    """Whether its demonstration shows no steps. Pairs, thumbs and calls of tools are something else."""
    return bool(row.completion) and row.desirable is None and not row.tool_calls and not is_worked(row)


def compared_with(row: Row) -> Row:
    """The row without a demonstration; what it demonstrated is the reference, unless it has one."""
    return replace(row, completion=None, tool_calls=(), chosen=None, rejected=None, reference=row.expected)
