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
    """A reference's answer on one copy. alternatives: its rows with ties broken this way and that, where they differ.

    torn: a LIMIT cuts through a tie. cuts: see sql_rows.same_rows. literals: as put into this copy.
    """

    query: str
    answer: Answer
    alternatives: tuple[Sequence[Row], ...] = ()
    cuts: tuple[int, ...] | None = None
    torn: bool = False
    literals: str = "[]"

    def agrees(self, answer: Answer) -> bool:
        if answer.error or answer.columns != self.answer.columns:
            return False
        return any(same_rows(answer.rows, rows, self.cuts) for rows in self.alternatives)


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
        return Expected(query, answer, (answer.rows,), cuts, False, literals)
    low, high = (other.rows for other in broken)
    if not same_rows(low, high):
        return Expected(query, answer, (answer.rows, low, high), None, True, literals)
    return Expected(query, answer, (answer.rows,), tuple(order_cuts(low, high)) if ordered else None, False, literals)


def schema_of(database: Database) -> Schema:
    schema = read_schema(database)
    if isinstance(schema, str):
        raise Unusable(f"the database cannot be used: {schema}")
    return schema
