"""Checks of people's answers as they were given: what they left out, and what they thought of all of it."""

from pipelines.data.rows import SHOWN_ROWS, Finding
from pipelines.preferences.audit_record import Measures
from pipelines.preferences.collected import Collected

MOST_TIES = 0.5
"""Ours: more ties than that say that the completions, or the question asked of people, differ too little."""
MOST_BOTH_BAD = 1 / 3
"""Ours: what nobody wants has to be learned from demonstrations; preferences only choose among what is there."""


def gaps(found: Collected, _: Measures) -> list[Finding]:
    """Rankings that leave completions out: their order is unknown, and no pair is made of them."""
    left = [(number, len(a.completions) - sum(map(len, a.ranking))) for number, a in found.answers]
    rows = [number for number, missing in left if missing]
    if not rows:
        return []
    out = sum(missing for _, missing in left)
    message = f"{len(rows)} rankings leave {out} completions out, of which no pair is made"
    return [Finding("gaps", "warning", message, len(rows), tuple(rows[:SHOWN_ROWS]), "rank all of them")]


def many_ties(_: Collected, measures: Measures) -> list[Finding]:
    """Ties give no pair."""
    ties = measures.ties
    if ties is None or ties.low <= MOST_TIES:
        return []
    message = f"{ties.value:.0%} of {ties.n:,} votes are ties (95 % interval {ties.low:.0%} to {ties.high:.0%})"
    fix = "sample completions that differ more (a higher temperature), or ask a finer question"
    return [Finding("many_ties", "warning", message, round(ties.hits), fix=fix)]


def many_both_bad(found: Collected, measures: Measures) -> list[Finding]:
    """Where all completions are bad, the better one is still no example."""
    bad = measures.both_bad
    if bad is None or bad.low <= MOST_BOTH_BAD:
        return []
    rows = tuple(number for number, answer in found.answers if answer.both_bad)
    interval = f"95 % interval {bad.low:.0%} to {bad.high:.0%}"
    message = f"{bad.value:.0%} of {bad.n:,} answers say that both are bad ({interval})"
    fix = "train on demonstrations first (sft), then collect preferences from that model"
    return [Finding("many_both_bad", "warning", message, len(rows), rows[:SHOWN_ROWS], fix)]
