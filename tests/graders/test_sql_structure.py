"""How alike two queries are, what a reference's filters ask, and how its ties are broken."""

import time

import pytest

from graders.sql_filters import filter_blocks, is_ordered, tie_breakers
from graders.sql_structure import Likeness, likeness

SCHEMA = {"author": ["id", "name", "country"], "book": ["id", "author_id", "title", "price"]}
REFERENCE = (
    "SELECT title, price FROM book JOIN author ON author.id = book.author_id WHERE country = 'NO' AND price > 20"
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (REFERENCE, Likeness(1, 1, 1)),
        (
            "SELECT B.Price AS p, b.TITLE FROM Author a, Book b WHERE 20 < b.price AND b.author_id = a.id"
            " AND a.country = 'NO'",
            Likeness(1, 1, 1),
        ),
        (REFERENCE.replace("> 20", ">= 20"), Likeness(1, 0.75, 1)),
        (REFERENCE.replace(" AND price > 20", ""), Likeness(1, 2 / 3, 1)),
        ("SELECT title, price FROM book WHERE price > 20", Likeness(1, 2 / 3, 0.5)),
        ("SELECT title FROM book", Likeness(2 / 3, 0, 0.5)),
        ("SELECT * FROM book", Likeness(2 * 2 / 6, 0, 0.5)),
        ("SELECT 'Moss', 41.0", Likeness(0, 0, 0)),
    ],
)
def test_shares_of_columns_filters_and_joins(query: str, expected: Likeness) -> None:
    found = likeness(query, REFERENCE, SCHEMA)
    assert found is not None
    assert (found.columns, found.filters, found.joins) == pytest.approx(
        (expected.columns, expected.filters, expected.joins)
    )


def test_a_query_without_tables_earns_nothing_for_filters_that_nobody_has() -> None:
    assert likeness("SELECT 1", "SELECT name FROM author", SCHEMA) == Likeness(0, 0, 0)
    assert likeness("SELECT id FROM author", "SELECT name FROM author", SCHEMA) == Likeness(0, 1, 1)


def test_what_sqlglot_cannot_read_or_nests_too_deep_has_no_likeness() -> None:
    for query in ("SELECT FROM FROM", "SELECT " + "abs(" * 900 + "1" + ")" * 900 + " FROM author"):
        assert likeness(query, REFERENCE, SCHEMA) is None


def test_a_long_query_takes_little_time() -> None:
    started = time.process_time()
    likeness("SELECT title FROM book WHERE " + " AND ".join(["price > 1"] * 1500), REFERENCE, SCHEMA)
    assert time.process_time() - started < 5


def test_filters_are_read_with_the_rows_that_only_they_decide_on() -> None:
    [block] = filter_blocks(REFERENCE.replace("price > 20", "20 < price"), SCHEMA)
    country, price = block["probes"]
    assert (country["table"], country["column"], country["constants"]) == ("author", "country", ["'NO'"])
    assert (price["table"], price["column"], price["constants"], price["operator"]) == ("book", "price", ["20"], "gt")
    assert price["others"].endswith("WHERE country = 'NO'")
    assert price["others"].startswith('SELECT "book"._rowid_ FROM book')


def test_filters_of_subqueries_are_read_and_those_on_unknown_tables_are_not() -> None:
    [block] = filter_blocks(
        "SELECT title FROM book WHERE author_id IN (SELECT id FROM author WHERE name = 'a')", SCHEMA
    )
    assert [probe["column"] for probe in block["probes"]] == ["name"]
    assert filter_blocks("WITH x AS (SELECT 1 AS a) SELECT a FROM x WHERE a = 1", SCHEMA) == []
    assert filter_blocks("no query", SCHEMA) == []


def test_ties_are_broken_both_ways_where_rows_are_ordered_or_limited() -> None:
    up, down = tie_breakers("SELECT title, price FROM book ORDER BY price LIMIT 3", 2)
    assert up.endswith("ORDER BY price, 1 ASC, 2 ASC LIMIT 3")
    assert down.endswith("ORDER BY price, 1 DESC, 2 DESC LIMIT 3")
    assert tie_breakers("SELECT title FROM book", 1) == []
    assert is_ordered("SELECT title FROM book ORDER BY 1")
    assert not is_ordered("SELECT * FROM (SELECT title FROM book ORDER BY 1)")
