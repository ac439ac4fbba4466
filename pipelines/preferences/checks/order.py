"""Checks that preferences have an order at all: none both ways, no circles."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Literal

from pipelines.data.rows import SHOWN_ROWS, Finding
from pipelines.preferences.audit_record import Measures
from pipelines.preferences.collected import Collected
from pipelines.preferences.votes import Vote


def self_contradictions(found: Collected, _: Measures) -> list[Finding]:
    """One annotator prefers A to B and B to A; where no annotator is known, two rows do."""
    by_who: dict[tuple[object, str], list[Vote]] = defaultdict(list)
    for vote in found.votes:
        by_who[(vote.item, vote.annotator)].append(vote)
    both_ways = [votes for votes in by_who.values() if _both_ways(votes)]
    named = [votes for votes in both_ways if votes[0].annotator]
    unnamed = [votes for votes in both_ways if not votes[0].annotator]
    who = ", ".join(sorted({votes[0].annotator for votes in named}))
    message = f"{len(named)} pairs are preferred both ways by one annotator ({who})"
    stated = f"{len(unnamed)} pairs stand in the file both ways: A preferred to B, and B to A"
    return [
        *_finding("self_contradictions", message, named, "ask again, and keep one answer"),
        *_finding("contradictory_pairs", stated, unnamed, "keep one of each two, or neither"),
    ]


def disputed(found: Collected, _: Measures) -> list[Finding]:
    """Pairs that known annotators decided both ways; the agreement says whether these are many."""
    items: dict[object, list[Vote]] = defaultdict(list)
    for vote in found.votes:
        if vote.annotator and not vote.judge:
            items[vote.item].append(vote)
    split = [votes for votes in items.values() if len({vote.annotator for vote in votes}) > 1 and _both_ways(votes)]
    several = sum(len({vote.annotator for vote in votes}) > 1 for votes in items.values())
    message = f"annotators prefer {len(split):,} of {several:,} pairs both ways"
    return _finding("disputed", message, split, "settle them, or leave these pairs out", "note")


def circles(found: Collected, _: Measures) -> list[Finding]:
    """A preferred to B, B to C and C to A, by one annotator: no score can put them in order."""
    by_who: dict[tuple[str, str], list[Vote]] = defaultdict(list)
    for vote in found.votes:
        if vote.winner:
            by_who[(vote.prompt, vote.annotator)].append(vote)
    each = [circle for votes in by_who.values() if (circle := _circle(votes))]
    names = sorted({circle[0].annotator for circle in each} - {""})
    whose = f" by one annotator ({', '.join(names)})" if names else ""
    message = f"{len(each)} prompts have answers preferred in a circle{whose}, such as A to B, B to C and C to A"
    return _finding("circles", message, each, "ask again for these prompts, or leave out the least sure pair of each")


def _both_ways(votes: Iterable[Vote]) -> bool:
    votes = list(votes)
    winners = {vote.turned_to(votes[0].first).winner for vote in votes}
    return {1, 2} <= winners and votes[0].first != votes[0].second


def _circle(votes: Sequence[Vote]) -> list[Vote]:
    """The votes of one circle of three or more texts; pairs that are preferred both ways are told elsewhere."""
    edges: dict[tuple[str, str], Vote] = {}
    for vote in votes:
        winner, loser = (vote.first, vote.second) if vote.winner == 1 else (vote.second, vote.first)
        edges[(winner, loser)] = vote
    graph: dict[str, set[str]] = defaultdict(set)
    for winner, loser in edges:
        if (loser, winner) not in edges and winner != loser:
            graph[loser].add(winner)  # what comes before it
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        texts: list[str] = error.args[1]
        return [edges[step] for step in pairwise(texts)]
    return []


def _finding(
    check: str,
    message: str,
    groups: Sequence[Sequence[Vote]],
    fix: str,
    severity: Literal["warning", "note"] = "warning",
) -> list[Finding]:
    rows = tuple(dict.fromkeys(vote.row for votes in groups for vote in votes))
    if not groups:
        return []
    return [Finding(check, severity, message, len(groups), rows[:SHOWN_ROWS], fix)]
