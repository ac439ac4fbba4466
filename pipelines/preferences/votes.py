"""Answers or rows → votes: who preferred which of two completions, in one form for every check of preferences.

A ranking gives a vote on each pair of completions it places. Each of several verdict columns is an annotator and gives
one. So do a single verdict and a chosen answer, by somebody unknown (annotator "") unless a column `annotator` tells.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

from pipelines.data.pairs import read_pair
from pipelines.data.rows import Row, Rows
from pipelines.preferences.answers import Answer, prompt_id

Numbered = tuple[int, Answer]
"""An answer with the line it stands on."""


@dataclass(frozen=True, slots=True)
class Vote:
    """winner: 1 for `first`, 2 for `second`, 0 for a tie. prompt: its prompt_id. annotator: "" where unknown.

    judge: a model voted. in_order: `first` stands where the first answer does in the file, so that a liking for a place
    shows; a ranking and a chosen answer say nothing of it.
    """

    row: int
    prompt: str
    first: str
    second: str
    winner: int
    annotator: str
    judge: bool = False
    in_order: bool = False

    @property
    def item(self) -> tuple[str, frozenset[str]]:
        """What is compared: votes on the same item can agree or contradict each other."""
        return self.prompt, frozenset((self.first, self.second))

    def turned_to(self, first: str) -> "Vote":
        """The same vote with `first` named first; in_order no longer holds when it turns."""
        if self.first == first:
            return self
        winner = (0, 2, 1)[self.winner]
        return replace(self, first=self.second, second=self.first, winner=winner, in_order=False)


def votes_of(source: Iterable[Answer] | Iterable[Numbered] | Rows) -> list[Vote]:
    """Every vote; answers without numbers are numbered from 1. Rows whose pair cannot be read give none."""
    if isinstance(source, Rows):
        return [vote for row in source.rows for vote in _of_row(row, source)]
    numbered = (one if isinstance(one, tuple) else (place, one) for place, one in enumerate(source, start=1))
    return [vote for number, answer in numbered for vote in _of_answer(number, answer)]


def by_item(votes: Iterable[Vote]) -> list[dict[str, Vote]]:
    """What several people may have judged: annotator → vote, all turned to the order of the item's first vote.

    An annotator's second vote on the same item opens a second group, and so on. Votes without a known annotator are
    left out: nobody can say whether two of them are one person's.
    """
    groups: dict[tuple[str, frozenset[str]], list[dict[str, Vote]]] = {}
    first: dict[tuple[str, frozenset[str]], str] = {}
    for vote in votes:
        turned = vote.turned_to(first.setdefault(vote.item, vote.first))
        if vote.annotator:
            given = groups.setdefault(vote.item, [])
            group = next((group for group in given if vote.annotator not in group), None)
            if group is None:
                given.append(group := {})
            group[vote.annotator] = turned
    return [group for given in groups.values() for group in given]


def _of_answer(number: int, answer: Answer) -> list[Vote]:
    ranks = {place: rank for rank, group in enumerate(answer.ranking) for place in group}
    votes = []
    for one, other in combinations(sorted(ranks), 2):
        winner = 0 if ranks[one] == ranks[other] else 1 if ranks[one] < ranks[other] else 2
        texts = answer.completions[one], answer.completions[other]
        judge = answer.source == "judge"
        votes.append(Vote(number, answer.prompt_id, *texts, winner, answer.annotator, judge))
    return votes


def _of_row(row: Row, rows: Rows) -> list[Vote]:
    prompt = prompt_id(row.messages)
    if rows.comparison is None:
        if row.chosen is None or row.rejected is None:
            return []
        return [Vote(row.number, prompt, row.chosen, row.rejected, 1, _annotator(row), _is_judge(row))]
    pair = read_pair(row.columns.get(rows.comparison.first), row.columns.get(rows.comparison.second))
    if pair is None:
        return []
    votes = rows.comparison.votes(row.columns)
    who = {column: column for column in votes} if len(votes) > 1 else dict.fromkeys(votes, _annotator(row))
    judge = _is_judge(row)
    return [
        Vote(row.number, prompt, pair.chosen, pair.rejected, winner, who[column], judge, in_order=True)
        for column, winner in votes.items()
        if winner is not None
    ]


def _is_judge(row: Row) -> bool:
    return row.columns.get("source") == "judge"


def _annotator(row: Row) -> str:
    named = row.columns.get("annotator")
    return str(named) if named not in (None, "") else ""
