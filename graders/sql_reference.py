"""What a reference answers on one copy of its database, and which answers agree with that.

In: a database, an accepted query, the number of the copy (0: the data as it is). Out: its rows; where it orders them,
between which places a tie lets them move; whether its LIMIT cuts through a tie, so that other rows are as right.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from graders.sql_client import Answer, Database, read_schema, run_query
from graders.sql_filters import filter_blocks, is_ordered, tie_breakers
from graders.sql_rows import Row, order_cuts, same_rows

Schema = dict[str, list[str]]


class Unusable(Exception):
    """The row's database cannot be used; no fault of the completion."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A reference's answer on one copy. alternatives: its rows; with ties broken this way and that where `torn`.

    torn: a LIMIT cuts through a tie. firm: then so many rows stand before that tie, whichever way it is broken.
    cuts: see sql_rows.same_rows. literals: as put into this copy.
    """

    query: str
    answer: Answer
    literals: str
    alternatives: tuple[Sequence[Row], ...] = ()
    cuts: tuple[int, ...] | None = None
    torn: bool = False
    firm: int = 0

    def agrees(self, answer: Answer) -> bool:
        """Whether the rows are these (if torn, an alternative), and read from a table where the reference's are."""
        if answer.error or answer.columns != self.answer.columns or answer.reads < self.answer.reads:
            return False
        return any(same_rows(answer.rows, rows, self.cuts) for rows in self.alternatives)

    def may_agree(self, answer: Answer) -> bool:
        """The same, but of torn rows only those are compared that no tie leaves open."""
        if not self.torn or answer.error or len(answer.rows) != len(self.answer.rows):
            return self.agrees(answer)
        return same_rows(answer.rows[: self.firm], self.answer.rows[: self.firm], self.cuts)


@lru_cache(maxsize=256)
def expected_answer(database: Database, query: str, copy: int, seconds: float) -> Expected:
    """Raises Unusable where the database cannot be opened or copied."""
    literals = json.dumps(filter_blocks(query, schema_of(database))) if copy else "[]"
    answer = run_query(database, copy, literals, query, seconds)
    if answer.error == "database":
        raise Unusable(f"the database cannot be used: {answer.message}")
    broken = [run_query(database, copy, literals, other, seconds) for other in tie_breakers(query, answer.columns)]
    ordered = is_ordered(query)
    if not broken or any(other.error for other in broken):
        cuts = tuple(range(1, len(answer.rows))) if ordered else None
        return Expected(query, answer, literals, (answer.rows,), cuts)
    low, high = (other.rows for other in broken)
    cuts = tuple(order_cuts(low, high)) if ordered and len(low) == len(high) else None
    if same_rows(low, high):
        return Expected(query, answer, literals, (answer.rows,), cuts)
    firm = max(cuts or (0,), default=0)
    return Expected(query, answer, literals, (answer.rows, low, high), cuts, True, firm)


def schema_of(database: Database) -> Schema:
    schema = read_schema(database)
    if isinstance(schema, str):
        raise Unusable(f"the database cannot be used: {schema}")
    return schema
