"""Checks that held-out rows are new to the model."""

import math
import re
from collections import defaultdict

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
    """Test pairs of which an answer is nearly one of a training pair: right by heart counts as learned.

    Two sets that share NEAR of their members share one of their first few in any order (prefix filtering: Chaudhuri et
    al. 2006); so only those are looked up. The test answers are kept, since they are fewer; the others pass by.
    """
    tests = [(row, text) for row in split.test.rows for text in _answers(row)]
    places: dict[int, list[int]] = defaultdict(list)
    for place, (_, text) in enumerate(tests):
        for run in first_runs(runs_of(text)):
            places[run].append(place)
    leaked: set[int] = set()
    for row in split.train.rows if tests else ():
        for runs in map(runs_of, _answers(row)):
            near = {place for run in first_runs(runs) for place in places.get(run, ())}
            leaked |= {place for place in near - leaked if alike(runs, runs_of(tests[place][1]))}
    rows = {tests[place][0].number: tests[place][0] for place in sorted(leaked)}
    message = f"{{n}} of {len(split.test.rows)} test pairs have an answer that is nearly one of a training pair"
    return found(
        "leaked_answers", "warning", rows.values(), message, "put rows with nearly the same answers on one side"
    )


def _leaked(part: str, rows: tuple[Row, ...], seen: set[str]) -> list[Finding]:
    leaked = [row for row in rows if _bare(row) and _bare(row) in seen]
    message = f"{{n}} of {len(rows)} {part} rows ask what a training row asks, but for spaces and punctuation"
    return found("leaked_prompts", "warning", leaked, message, "remove them from the training rows")


def _bare(row: Row) -> str:
    turns = (str(turn["content"]) for turn in row.messages if turn["role"] != "system")
    return "\n".join(map(bare_text, turns)).strip()


def bare_text(text: str) -> str:
    """Without case, spaces and punctuation."""
    return _PUNCTUATION.sub("", text.casefold())


def _answers(row: Row) -> list[str]:
    """Both answers of a pair; nothing of other rows."""
    return [row.chosen, row.rejected] if row.chosen and row.rejected else []


def runs_of(text: str) -> frozenset[int]:
    """The hashes of its runs of five words; none of a text that is too short to be told by them."""
    words = text.casefold().split()
    runs = frozenset(map(hash, zip(*(words[place:] for place in range(_RUN)), strict=False)))
    return runs if len(runs) >= _FEWEST_RUNS else frozenset()


def first_runs(runs: frozenset[int]) -> list[int]:
    """So many of them that two sets which share NEAR of their members have one of these in common."""
    return sorted(runs)[: num_first(len(runs))]


def num_first(num_runs: int) -> int:
    """How many of a set's members, in an order that all sets share, tell whether another may have NEAR of them."""
    return num_runs - math.ceil(NEAR * num_runs) + 1 if num_runs else 0


def alike(one: frozenset[int], other: frozenset[int]) -> bool:
    """Whether they share NEAR of their members."""
    common = len(one & other)
    return common >= NEAR * (len(one) + len(other) - common)
