"""Checks that the test rows are new to the model."""

import re

from pipelines.data.checks.found import found
from pipelines.data.rows import Finding, Row, Split

_PUNCTUATION = re.compile(r"[\s;:!?'\"`´‘’“”…]+|[.,](?!\d)")
"""Signs of arithmetic and the points of numbers stay: 2 + 3 is not 2 - 3, and 1.5 is not 15."""


def leaked_prompts(split: Split) -> list[Finding]:
    """Test rows whose last user turn is in train or validation but for case, spaces and punctuation.

    The split keeps equal prompts together; this finds those that differ only in such things, or in their system turn.
    """
    seen = {_bare(row) for row in (*split.train.rows, *split.validation.rows)}
    leaked = [row for row in split.test.rows if _bare(row) and _bare(row) in seen]
    message = f"{{n}} of {len(split.test.rows)} test rows ask what a training row asks, but for spaces and punctuation"
    return found("leaked_prompts", "warning", leaked, message, "remove them from the training rows")


def _bare(row: Row) -> str:
    return _PUNCTUATION.sub("", row.prompt.casefold())
