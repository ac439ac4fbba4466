"""Checks that held-out rows are new to the model."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from pipelines.data.checks.found import found
from pipelines.data.rows import Finding, Row, Split

NEAR = 0.8
"""Two texts are nearly the same where so much of their runs of five words is shared (Jaccard), as Lee et al. 2022 take
it (arXiv:2107.06499, near-duplicates)."""

_RUN = 5
_FEWEST_RUNS = 16
"""Ours: shorter answers, 19 words and less, are often the same by right."""
_PUNCTUATION = re.compile(r"[\s;:!?'\"`´‘’“”…]+|[.,](?!\d)")
"""Signs of arithmetic and the points of numbers stay: 2 + 3 is not 2 - 3, and 1.5 is not 15."""


def leaked_prompts(split: Split) -> list[Finding]:
    """Test rows whose conversation is in train or validation, and validation rows whose is in train, but for case,
    spaces, punctuation and the system turn.

    The split keeps equal prompts together; this finds those that differ only in such things.
    """
    train, validation, test = split.train.rows, split.validation.rows, split.test.rows
    return [
        *_leaked("test", test, {_bare(row) for row in (*train, *validation)}),
        *_leaked("validation", validation, {_bare(row) for row in train}),
    ]


def leaked_answers(split: Split) -> list[Finding]:
    """Test pairs of which an answer is nearly one of a training pair: right by heart counts as learned."""
    near = _Near(runs for row in split.train.rows for runs in _answers(row))
    leaked = [row for row in split.test.rows if any(near.has(runs) for runs in _answers(row))]
    message = f"{{n}} of {len(split.test.rows)} test pairs have an answer that is nearly one of a training pair"
    return found("leaked_answers", "warning", leaked, message, "put rows with nearly the same answers on one side")


def _leaked(part: str, rows: tuple[Row, ...], seen: set[str]) -> list[Finding]:
    leaked = [row for row in rows if _bare(row) and _bare(row) in seen]
    message = f"{{n}} of {len(rows)} {part} rows ask what a training row asks, but for spaces and punctuation"
    return found("leaked_prompts", "warning", leaked, message, "remove them from the training rows")


def _bare(row: Row) -> str:
    turns = (str(turn["content"]) for turn in row.messages if turn["role"] != "system")
    return "\n".join(_PUNCTUATION.sub("", text.casefold()) for text in turns).strip()


def _answers(row: Row) -> Iterator[frozenset[int]]:
    """The answers of a pair as sets of their runs of words."""
    for text in (row.chosen, row.rejected):
        words = (text or "").casefold().split()
        runs = frozenset(hash(tuple(words[place : place + _RUN])) for place in range(len(words) - _RUN + 1))
        if len(runs) >= _FEWEST_RUNS:
            yield runs


class _Near:
    """Finds sets that share NEAR of their members with one of many.

    Two such sets share one of the rarest (1 - NEAR) of their members (prefix filtering: Chaudhuri et al. 2006).
    """

    def __init__(self, known: Iterable[frozenset[int]]) -> None:
        self._known = list(known)
        self._counts = Counter(member for runs in self._known for member in runs)
        self._places: dict[int, list[int]] = defaultdict(list)
        for place, runs in enumerate(self._known):
            for member in self._rarest(runs):
                self._places[member].append(place)

    def has(self, runs: frozenset[int]) -> bool:
        places = {place for member in self._rarest(runs) for place in self._places.get(member, ())}
        return any(len(runs & self._known[place]) >= NEAR * len(runs | self._known[place]) for place in places)

    def _rarest(self, runs: frozenset[int]) -> list[int]:
        kept = len(runs) - math.ceil(NEAR * len(runs)) + 1
        return sorted(runs, key=lambda member: (self._counts[member], member))[:kept]
