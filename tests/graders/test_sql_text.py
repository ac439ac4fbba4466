"""Where the one SELECT of a completion begins and ends."""

import contextlib
import time

import pytest

from graders.contract import hostile_texts
from graders.sql_text import NoQuery, queries_of, query_of


@pytest.mark.parametrize(
    ("completion", "query"),
    [
        ("SELECT 1", "SELECT 1"),
        ("select 1 ;", "select 1"),
        ("```sql\nSELECT 1\n```", "SELECT 1"),
        ("```\nSELECT 1;\n```\ntext", "SELECT 1"),
        ("```sqlite\nSELECT 1", "SELECT 1"),
        ("```sql\nSELECT 1\n```\nwhich prints\n```\n1\n```", "SELECT 1"),
        ("We select the names.\nSELECT name\nFROM t", "SELECT name\nFROM t"),
        ("Query: SELECT 1", "SELECT 1"),
        ("SELECT ';' FROM t; Done.", "SELECT ';' FROM t"),
        ("SELECT a -- ; no\nFROM t;", "SELECT a -- ; no\nFROM t"),
        ("SELECT a /* ; */ FROM t; bye", "SELECT a /* ; */ FROM t"),
        ("SELECT a\nFROM t\n\nWHERE b = 1\n\nThis selects a.", "SELECT a\nFROM t\n\nWHERE b = 1"),
        ("SELECT (\n\na\n\n) FROM t\n\nIt has a.", "SELECT (\n\na\n\n) FROM t"),
        ("With this query:\nWITH x AS (SELECT 1)\nSELECT * FROM x", "WITH x AS (SELECT 1)\nSELECT * FROM x"),
        ("WITH RECURSIVE r(n) AS (SELECT 1) SELECT n FROM r", "WITH RECURSIVE r(n) AS (SELECT 1) SELECT n FROM r"),
        ("```sql\n-- all of it\nSELECT 1\n```", "SELECT 1"),
        ("答案：\n```sql\nSELECT 姓名 FROM 员工；\n```", "SELECT 姓名 FROM 员工；"),
    ],
)
def test_finds_the_query(completion: str, query: str) -> None:
    assert query_of(completion) == query


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "no query",
        "```sql\n```",
        "```sql\nDROP TABLE t\n```",
        "```sql\nSELECT 1;\nSELECT 2;\n```",
        "SELECT 1; DELETE FROM t",
        "SELECT 1;\nPRAGMA x",
        "```sql\nSELECT 1; and some prose\n```",
    ],
)
def test_anything_but_one_select_is_refused(completion: str) -> None:
    with pytest.raises(NoQuery):
        query_of(completion)


def test_a_reference_may_hold_several_queries() -> None:
    assert queries_of("SELECT ';'; -- or\nSELECT 2;\n") == ["SELECT ';'", "SELECT 2"]


def test_megabytes_take_no_time() -> None:
    more = {
        "comments": "SELECT /*" * 200_000,
        "quotes": "SELECT '" * 200_000,
        "with": "WITH x AS " * 200_000,
        "with spaces": ("with x" + " " * 1000) * 2000,
        "blank lines": "SELECT 1\n\n" * 200_000,
        "semicolons": "SELECT 1" + ";" * 1_000_000,
    }
    for name, text in {**hostile_texts(), **more}.items():
        started = time.process_time()
        with contextlib.suppress(NoQuery):
            query_of(text)
        assert time.process_time() - started < 1, name
