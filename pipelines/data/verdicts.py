"""Two answers and who preferred which → one preference pair, if more than half of the votes agree."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.data import names
from pipelines.data.table import Cells, Table

_FIRST = {"1", "1.0", "a", "model_a", "response_a", "output_1", "response_1", "response1", "first"}
_SECOND = {"2", "2.0", "b", "model_b", "response_b", "output_2", "response_2", "response2", "second"}
_ZERO_BASED = {"0": 1, "0.0": 1, "1": 2, "1.0": 2, "response_0": 1, "response_1": 2}


@dataclass(frozen=True, slots=True)
class Comparison:
    """first, second: the columns of the two answers. verdicts: the columns of who preferred which."""

    first: str
    second: str
    verdicts: tuple[str, ...]

    def winner(self, cells: Cells) -> int:
        """1 or 2, and 0 where the votes tie or say nothing."""
        votes = Counter(vote for vote in self.votes(cells).values() if vote is not None)
        return next((side for side in (1, 2) if votes[side] * 2 > votes.total()), 0)

    def votes(self, cells: Cells) -> dict[str, int | None]:
        """verdict column → 1 or 2, 0 for a tie or an unknown word, None where nothing is said."""
        given = {column: cells.get(column) for column in self.verdicts}
        return {column: None if value in (None, "") else self._vote(value) for column, value in given.items()}

    def _vote(self, value: object) -> int:
        word = str(value).strip().casefold()
        if names.normalised(self.first).endswith("_0"):
            return _ZERO_BASED.get(word, 0)
        return _vote(value)


def find_comparison(table: Table, free: Iterable[str]) -> Comparison | None:
    """Two columns of answers and at least one of verdicts, all of whose values are verdicts."""
    free = list(free)
    pair = names.find_pair(names.TWO_ANSWERS, free)
    named = [column for column in free if names.VERDICT.fullmatch(names.normalised(column))]
    verdicts = tuple(column for column in named if any(_vote(value) for value in table.values(column)))
    return Comparison(*pair, verdicts) if pair and verdicts else None


def _vote(value: object) -> int:
    word = str(value).strip().casefold()
    return 1 if word in _FIRST else 2 if word in _SECOND else 0
