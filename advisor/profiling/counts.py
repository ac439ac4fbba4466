"""The table of facts → Counts: numbers, shares and places of examples. Every figure is exact over all rows."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from advisor.profiling.database import Database
from advisor.profiling.record import Sizes
from advisor.profiling.scan import FLAGS, MOST_COLUMNS, flag
from pipelines.data.rows import SHOWN_ROWS

_MOST_LABELS = 200


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows something holds of, and the places (from 0) of the first of them."""

    count: int
    places: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """flags: by name in FLAGS. empty: by column. duplicates: rows equal to an earlier one. again: rows whose prompt an
    earlier row has. disputed: rows whose prompt has several answers, over `disputed_prompts` prompts. labels: short
    answers, the commonest first, with num_labels different ones in all. commonest: rows of the commonest answer."""

    num_rows: int
    num_prompts: int
    num_answered: int
    num_answers: int
    flags: Mapping[str, Found]
    empty: Mapping[str, Found]
    duplicates: Found
    again: Found
    disputed: Found
    disputed_prompts: int
    labels: tuple[tuple[str, int], ...]
    num_labels: int
    commonest: int
    commonest_place: int
    prompt_chars: Sizes | None
    answer_chars: Sizes | None


def count(database: Database, table: str, columns: tuple[str, ...]) -> Counts:
    """Reads the facts that `scan` wrote under this name."""
    num_rows, num_asked, num_answered = database.one(f"SELECT count(*), count(prompt), count(answer) FROM {table}")
    again, disputed, disputed_prompts = _prompts(database, table)
    labels = database.all(
        f"SELECT short, count(*) AS n, count(*) OVER () FROM {table} WHERE short IS NOT NULL "
        f"GROUP BY short ORDER BY n DESC, short LIMIT {_MOST_LABELS}"
    )
    answers = database.all(
        f"SELECT count(*) AS n, min(rowid) AS first, count(*) OVER () FROM {table} WHERE answer IS NOT NULL "
        "GROUP BY answer ORDER BY n DESC, first LIMIT 1"
    )
    commonest, place, num_answers = answers[0] if answers else (0, 0, 0)
    return Counts(
        num_rows=num_rows,
        num_prompts=num_asked - again.count,
        num_answered=num_answered,
        num_answers=num_answers,
        flags=_set_bits(database, table, "flags", FLAGS),
        empty=_set_bits(database, table, "empty", columns[:MOST_COLUMNS]),
        duplicates=_duplicates(database, table),
        again=again,
        disputed=disputed,
        disputed_prompts=disputed_prompts,
        labels=tuple((label, n) for label, n, _ in labels),
        num_labels=labels[0][2] if labels else 0,
        commonest=commonest,
        commonest_place=place,
        prompt_chars=_quantiles(database, table, "prompt"),
        answer_chars=_quantiles(database, table, "answer"),
    )


def leaked(database: Database, train: str, test: str) -> tuple[Found, Found]:
    """Rows of `test` whose prompt is in `train`, and those of which the whole row is. Places are in `test`."""
    prompts = f"{test} WHERE prompt IN (SELECT prompt FROM {train} WHERE prompt IS NOT NULL)"
    rows = f"{test} WHERE flags & {flag('unreadable')} = 0 AND row IN (SELECT row FROM {train})"
    return _found(database, prompts), _found(database, rows)


def _prompts(database: Database, table: str) -> tuple[Found, Found, int]:
    """Rows that repeat an earlier prompt; rows of prompts with several answers; the number of these prompts."""
    repeated = f"{table}_repeated"
    database.connection.execute(
        f"CREATE TABLE {repeated} AS SELECT prompt, count(*) AS n, min(rowid) AS first, "
        f"coalesce(min(answer) <> max(answer), false) AS differ "
        f"FROM {table} WHERE prompt IS NOT NULL GROUP BY prompt HAVING count(*) > 1"
    )
    spare, prompts = database.one(f"SELECT coalesce(sum(n - 1), 0), count(*) FILTER (differ) FROM {repeated}")
    again = f"{table} AS f JOIN {repeated} AS g USING (prompt) WHERE f.rowid > g.first"
    disputed = f"{table} WHERE prompt IN (SELECT prompt FROM {repeated} WHERE differ)"
    places = _places(database, again, "f.rowid") if spare else ()
    return Found(int(spare), places), _found(database, disputed), prompts


def _duplicates(database: Database, table: str) -> Found:
    """Equal rows have equal prompts, so that only rows whose prompt is there twice, or lacking, are looked at."""
    database.connection.execute(
        f"CREATE TABLE {table}_same AS SELECT row, count(*) AS n, min(rowid) AS first FROM {table} "
        f"WHERE flags & {flag('unreadable')} = 0 AND "
        f"(prompt IS NULL OR prompt IN (SELECT prompt FROM {table}_repeated)) GROUP BY row HAVING count(*) > 1"
    )
    (spare,) = database.one(f"SELECT coalesce(sum(n - 1), 0) FROM {table}_same")
    later = f"{table} AS f JOIN {table}_same AS g USING (row) WHERE f.rowid > g.first"
    return Found(int(spare), _places(database, later, "f.rowid") if spare else ())


def _set_bits(database: Database, table: str, bits: str, names: Sequence[str]) -> dict[str, Found]:
    """Name → the rows whose bit of that name is set, for the names of which there are any."""
    if not names:
        return {}
    sums = ", ".join(f"count(*) FILTER ({bits} & {1 << place} > 0)" for place in range(len(names)))
    counts = database.one(f"SELECT {sums} FROM {table}")
    return {
        name: Found(number, _places(database, f"{table} WHERE {bits} & {1 << place} > 0"))
        for place, (name, number) in enumerate(zip(names, counts, strict=True))
        if number
    }


def _found(database: Database, rows: str) -> Found:
    (number,) = database.one(f"SELECT count(*) FROM {rows}")
    return Found(number, _places(database, rows) if number else ())


def _places(database: Database, rows: str, place: str = "rowid") -> tuple[int, ...]:
    return tuple(row[0] for row in database.all(f"SELECT {place} FROM {rows} ORDER BY 1 LIMIT {SHOWN_ROWS}"))


def _quantiles(database: Database, table: str, side: str) -> Sizes | None:
    """From the number of texts of each length, which are few, however many texts there are."""
    chars = f"{side}_chars"
    lengths = database.all(f"SELECT {chars}, count(*) FROM {table} WHERE {side} IS NOT NULL GROUP BY 1 ORDER BY 1")
    if not lengths:
        return None
    ends = list(accumulate(number for _, number in lengths))

    def at(share: float) -> int:
        return int(lengths[bisect_left(ends, max(1, math.ceil(share * ends[-1])))][0])

    return Sizes(least=lengths[0][0], p5=at(0.05), median=at(0.5), p95=at(0.95), p99=at(0.99), most=lengths[-1][0])
