"""A prompt with its right answer in it, for prompts that a model never solves (STaR's rationalisation). Pure.

Zelikman et al. 2022, arXiv 2203.14465: told the answer, a model can often write the reasoning that leads there. The
hint stands in the prompt while sampling, and never in a training row.
"""

import json
from collections.abc import Mapping
from typing import Any

from pipelines.data.rows import Message, Row

_LONGEST = 500
"""Characters of a reference that can be a hint; a longer one is the whole answer, and what follows it a copy."""


def can_be_hinted(row: Row) -> bool:
    """Whether the row has a short reference of its own; a demonstration is trained on as it is."""
    return row.reference is not None and row.demonstration is None and 0 < len(_told(row.reference)) <= _LONGEST


def with_hint(row: Row) -> tuple[Message, ...]:
    """The row's turns, the last of them with the right answer."""
    *before, last = row.messages
    hint = f"(The right answer is {_told(row.reference)}. Write the reasoning that leads to it.)"
    told: Mapping[str, Any] = {**last, "content": f"{last['content']}\n\n{hint}"}
    return (*before, told)


def _told(reference: object) -> str:
    """The first of several accepted references; what is no text as JSON."""
    if isinstance(reference, list | tuple):
        return _told(reference[0]) if reference else ""
    if isinstance(reference, str):
        return reference.strip()
    return json.dumps(reference, ensure_ascii=False, default=str)
