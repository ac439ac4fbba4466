"""sql: what is right, what earns part of the credit, what a changed copy finds out, and what no query can do."""

import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graders import sql_client
from graders.base import Grade, Sample
from graders.sql import Sql, Weights

ROOT = Path(__file__).parents[2]
SHOP = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT, country TEXT);
CREATE TABLE book (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES author(id), title TEXT, price REAL, sold TEXT);
INSERT INTO author VALUES (1, 'Ines', 'PT'), (2, 'Olaf', 'NO'), (3, 'Mina', 'NO'), (4, 'Zoe', 'FR');
INSERT INTO book VALUES
 (1, 1, 'Salt', 12.5, '2023-01-05'), (2, 1, 'Reed', 30.0, '2023-02-11'), (3, 2, 'Fjord', 18.0, '2023-02-20'),
 (4, 2, 'Moss', 41.0, '2023-03-02'), (5, 3, 'Kelp', 9.5, '2023-03-15'), (6, 3, 'Tide', 22.0, '2023-04-01'),
 (7, 4, 'Fog', 33.0, '2023-05-09'), (8, 4, 'Dune', 27.0, '2023-06-30');
"""
NORWEGIANS = (
    "SELECT b.title, b.price FROM book b JOIN author a ON a.id = b.author_id WHERE a.country = 'NO' AND b.price > 20"
)


def grade(completion: str, reference: object = NORWEGIANS, database: str = SHOP, **fields: object) -> Grade:
    return Sql.model_validate({"database": database, **fields}).grade(Sample("Which books?", completion, reference))


@pytest.mark.parametrize(
    "completion",
    [
        NORWEGIANS,
        NORWEGIANS + ";",
        f"First I join.\n```sql\n{NORWEGIANS};\n```\nThat gives the books.",
        f"```sql\nSELECT 1\n```\nBetter:\n```sql\n{NORWEGIANS}\n```",
        f"{NORWEGIANS};\n\nThis lists them.",
        f"The query:\n{NORWEGIANS}\n\nIt joins both tables.",
        f"-- books\n{NORWEGIANS} -- done",
        "SELECT price, title FROM book WHERE price > 20 AND author_id IN (SELECT id FROM author WHERE country = 'NO')",
        "SELECT title AS what, price FROM author, book WHERE author_id = author.id AND 20 < price AND country = 'NO'",
        "WITH n AS (SELECT id FROM author WHERE country = 'NO') SELECT title,price FROM book JOIN n ON n.id = author_id"
        " WHERE price > 20 ORDER BY 2 DESC",
    ],
)
def test_the_same_rows_score_1_whatever_the_structure(completion: str) -> None:
    assert grade(completion).score == 1


def test_any_accepted_query_counts_from_a_list_or_between_semicolons() -> None:
    ids = NORWEGIANS.replace("b.title", "b.id")
    assert grade(ids).score < 1
    assert grade(ids, [NORWEGIANS, ids]).score == 1
    assert grade(ids, f"{NORWEGIANS};\n{ids};").score == 1


@pytest.mark.parametrize(
    ("completion", "lower", "upper"),
    [
        ("SELECT title, price FROM book WHERE price > 20", 0.2, 0.5),
        (NORWEGIANS.replace("'NO'", "'FR'"), 0.4, 0.5),
        ("SELECT title FROM book", 0.1, 0.3),
        ("SELECT 1", 0.05, 0.15),
        ("SELECT titel FROM book", 0.04, 0.06),
    ],
)
def test_other_rows_earn_part_of_the_credit(completion: str, lower: float, upper: float) -> None:
    assert lower < grade(completion).score < upper


def test_each_rung_is_in_the_parts_and_weighs_what_the_plan_says() -> None:
    wrong = grade(NORWEGIANS.replace("> 20", "> 30"))
    assert wrong.parts == {"parse": 1, "runs": 1, "columns": 1, "filters": 0.75, "joins": 1, "rows": 0}
    assert wrong.score == pytest.approx(0.05 + 0.05 + 0.1 + 0.75 * 0.15 + 0.15)
    rows_only = Weights(parse=0, runs=0, columns=0, filters=0, joins=0, rows=1).model_dump()
    assert grade(NORWEGIANS.replace("> 20", "> 30"), weights=rows_only).score == 0
    assert grade(NORWEGIANS, weights=rows_only).score == 1


@pytest.mark.parametrize(
    "lucky",
    [
        NORWEGIANS.replace("> 20", "> 18"),
        NORWEGIANS.replace("> 20", ">= 20"),
        NORWEGIANS.replace("> 20", "> 21.5"),
        NORWEGIANS.replace("= 'NO'", "LIKE 'N%'"),
        NORWEGIANS.replace(" AND b.price > 20", " AND b.title <> 'Kelp' AND b.title <> 'Fjord'"),
        "SELECT 'Moss', 41.0 UNION ALL SELECT 'Tide', 22.0",
        "SELECT title, price FROM book WHERE title IN ('Moss', 'Tide')",
        "SELECT title, price FROM book WHERE id IN (4, 6)",
        "VALUES ('Moss', 41.0), ('Tide', 22.0)",
    ],
)
def test_rows_that_agree_by_chance_are_found_out_on_a_changed_copy(lucky: str) -> None:
    rows = sorted(sqlite_rows(SHOP, lucky))
    assert rows == [("Moss", 41.0), ("Tide", 22.0)]
    assert grade(lucky).score < 0.5


def test_rows_written_into_the_query_earn_only_that_it_runs() -> None:
    written = grade("SELECT 'Moss', 41.0 UNION ALL SELECT 'Tide', 22.0")
    assert written.score == pytest.approx(0.1)
    assert "no table is read" in written.reason


def test_reading_some_table_beside_them_does_not_help() -> None:
    hidden = "SELECT * FROM (SELECT 'Moss', 41.0 UNION ALL SELECT 'Tide', 22.0) WHERE (SELECT count(*) FROM book) > 0"
    caught = grade(hidden)
    assert (caught.score or 0) < 0.5
    assert "by chance" in caught.reason
    assert grade(hidden, changed_copies=False).score == 1


def sqlite_rows(script: str, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(script)
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_order_counts_only_where_the_reference_orders() -> None:
    up, down = "SELECT title FROM book ORDER BY price", "SELECT title FROM book ORDER BY price DESC"
    assert grade(up, up).score == 1
    assert grade(down, up).score < 1
    assert grade(down, "SELECT title FROM book").score == 1


def test_rows_that_tie_may_stand_in_any_order() -> None:
    by_country = "SELECT name, country FROM author ORDER BY country"
    assert grade("SELECT name, country FROM author ORDER BY country, name", by_country).score == 1
    assert grade("SELECT name, country FROM author ORDER BY country, name DESC", by_country).score == 1
    assert grade("SELECT name, country FROM author ORDER BY name", by_country).score < 1


def test_now_is_the_newest_date_of_the_data_so_that_grades_stay_the_same() -> None:
    recent = "SELECT title FROM book WHERE sold >= date('now', '-60 days')"
    assert grade("SELECT title FROM book WHERE sold >= '2023-05-01'", recent, changed_copies=False).score == 1
    assert grade("SELECT title FROM book WHERE sold >= date(CURRENT_DATE, '-60 days')", recent).score == 1
    assert grade("SELECT title FROM book WHERE sold >= date('now', '-61 days')", recent).score < 1


def test_a_schema_without_rows_still_tells_right_from_wrong() -> None:
    schema = "CREATE TABLE head (age INTEGER, born_state VARCHAR, name VARCHAR)"
    reference = "SELECT count(*) FROM head WHERE age > 56"
    assert grade(reference, reference, schema).score == 1
    assert grade("SELECT count(name) FROM head WHERE 56 < age", reference, schema).score == 1
    assert grade("SELECT count(*) FROM head WHERE age >= 56", reference, schema).score < 1
    assert grade("SELECT count(*) FROM head", reference, schema).score < 1
    assert grade("SELECT 0", reference, schema).score < 0.2


def test_where_no_copy_has_rows_only_the_same_structure_is_right() -> None:
    reference = "SELECT title FROM book WHERE price > 20 AND price < 10"
    assert grade(reference, reference).score == 1
    assert grade("SELECT title FROM book WHERE 0", reference).score < 1


@pytest.mark.parametrize(
    ("completion", "said"),
    [
        ("", "no SELECT"),
        ("I cannot answer that.", "no SELECT"),
        ("```sql\nSELECT 1; SELECT 2\n```", "several statements"),
        (f"{NORWEGIANS}; DROP TABLE book", "several statements"),
        ("```\nDELETE FROM book\n```", "not a SELECT"),
        ("```sql\nEXPLAIN SELECT 1\n```", "not a SELECT"),
        ("```sql\nPRAGMA table_info(book)\n```", "not a SELECT"),
        ("SELECT FROM WHERE", "not SQL"),
        ("SELECT '" + "x" * 30_000 + "'", "over 20,000 characters"),
    ],
)
def test_what_is_no_single_select_scores_0(completion: str, said: str) -> None:
    result = grade(completion)
    assert result.score == 0
    assert said in result.reason


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("WITH x AS (SELECT 1) DELETE FROM book", "not authorized"),
        ("SELECT load_extension('/tmp/x.so')", "not authorized"),
        ("SELECT writefile('/tmp/x', 'y')", "no such function"),
        ("SELECT readfile('/etc/passwd')", "no such function"),
        ("SELECT * FROM pragma_database_list", "not authorized"),
        ("SELECT title FROM book ORDER BY random()", "not authorized"),
        ("SELECT hex(randomblob(1000000000))", "not authorized"),
        ("SELECT length(printf('%1000000000d', 1))", ""),
        ("SELECT replace(printf('%900000d', 1), ' ', 'xxxx')", "too big"),
        ("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r", "steps"),
        ("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT x FROM r", "10,000 rows"),
        ("SELECT count(*) FROM " + ", ".join(f"book b{i}" for i in range(20)), "steps"),
        ("SELECT " + "(" * 400 + "1" + ")" * 400, "overflow"),
        ("SELECT " + "abs(" * 150 + "1" + ")" * 150, ""),
        (" UNION ALL ".join(["SELECT 1"] * 400), "compound"),
        ("SELECT instr(a, a || 'y') FROM (SELECT printf('%.*c', 400000, 'x') AS a)", ""),
        (
            "WITH RECURSIVE r(x, y) AS (SELECT 1, printf('%.*c', 900000, 'x') UNION ALL SELECT x + 1, y || '' FROM r)"
            " SELECT * FROM r ORDER BY y, x",
            "",
        ),
        (
            "SELECT max(instr(a.s, b.s)) FROM (SELECT printf('%.*c', 900000, 'x') s) a, "
            "(SELECT printf('%.*c', 450000, 'x') || 'y' s) b, book c, book d",
            "",
        ),
    ],
)
def test_a_hostile_query_neither_hangs_nor_raises_nor_scores(query: str, said: str) -> None:
    started = time.perf_counter()
    result = grade(query)
    assert time.perf_counter() - started < 12  # 1.5 seconds of processor time, on a machine that is busy
    assert result.score is not None
    assert result.score <= 0.1
    assert said in result.reason
    assert grade(NORWEGIANS).score == 1  # and the next one is graded as ever


def test_no_query_changes_the_file(tmp_path: Path) -> None:
    path = database_file(tmp_path / "shop.sqlite")
    before = path.read_bytes()
    for query in (NORWEGIANS, "WITH x AS (SELECT 1) INSERT INTO book SELECT * FROM book"):
        grade(query, database=str(path))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def database_file(path: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(SHOP)
    connection.commit()
    connection.close()
    return path


def test_a_column_may_name_a_file_in_the_folder_and_none_outside(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    database_file(tmp_path / "inside" / "shop.sqlite")
    database_file(tmp_path / "secret.sqlite")
    (tmp_path / "inside" / "link.sqlite").symlink_to(tmp_path / "secret.sqlite")
    grader = Sql(database="{{item.db}}.sqlite", database_folder=str(tmp_path / "inside"))

    def graded(name: str) -> Grade:
        return grader.grade(Sample("?", NORWEGIANS, NORWEGIANS, {"db": name}))

    assert graded("shop").score == 1
    for name, said in (("../secret", "outside"), ("link", "outside"), ("none", "no database file"), ("a\0", "no data")):
        result = graded(name)
        assert result.score is None
        assert said in result.reason
    assert grader.files() == (str(tmp_path / "inside"),)


def test_files_are_looked_for_from_the_folder_that_the_context_names(tmp_path: Path) -> None:
    database_file(tmp_path / "shop.sqlite")
    grader = Sql.model_validate({"database": "shop.sqlite"}, context={"folder": tmp_path})
    assert grader.grade(Sample("?", NORWEGIANS, NORWEGIANS)).score == 1
    assert pickle.loads(pickle.dumps(grader)).grade(Sample("?", NORWEGIANS, NORWEGIANS)).score == 1
    assert grader.files() == ("shop.sqlite",)
    assert Sql(database="shop.sqlite").grade(Sample("?", NORWEGIANS, NORWEGIANS)).score is None


def test_a_column_may_hold_the_statements_that_make_the_database() -> None:
    grader = Sql(database="{{item.schema}}")
    assert grader.grade(Sample("?", NORWEGIANS, NORWEGIANS, {"schema": SHOP})).score == 1
    missing = grader.grade(Sample("?", NORWEGIANS, NORWEGIANS, {}))
    assert (missing.score, missing.errors) == (None, ("invalid_variable_error",))
    assert "set database_folder" in grader.grade(Sample("?", NORWEGIANS, NORWEGIANS, {"schema": "x.db"})).reason
    assert grader.files() == ()
    assert Sql(database="shop.sqlite").files() == ("shop.sqlite",)


@pytest.mark.parametrize(
    ("reference", "database", "said"),
    [
        (None, SHOP, "holds no query"),
        ({}, SHOP, "holds no query"),
        ("SELECT a FROM nowhere", SHOP, "does not run: no such table"),
        ("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT sum(x) FROM r", SHOP, "steps"),
        ("SELECT 1", "CREATE TABLE t (a; nonsense", "cannot be used"),
        ("SELECT 1", "CREATE TABLE t (a); ATTACH '/tmp/x' AS y", "not authorized"),
        ("SELECT 1", "not/there.sqlite", "no database file"),
        ("SELECT 1", __file__, "not a database"),
    ],
)
def test_what_cannot_be_a_reference_leaves_the_row_unscored(reference: object, database: str, said: str) -> None:
    result = grade("SELECT 1", reference, database)
    assert result.score is None
    assert said in result.reason


def test_one_accepted_query_that_fails_does_not_spoil_the_others() -> None:
    assert grade(NORWEGIANS, ["SELECT a FROM nowhere", NORWEGIANS]).score == 1


FOLDER = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere")) / "defog-text2sql"


@pytest.mark.skipif(not FOLDER.exists(), reason="FINETUNE_ADVISOR_DATA names no folder that has defog-text2sql")
def test_each_accepted_query_of_defog_scores_1_against_its_questions_set() -> None:
    grader = Sql(database="{{item.db}}.sqlite", database_folder=str(FOLDER / "sqlite"))
    with (FOLDER / "questions_with_golds.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    scores = []
    for row in rows:
        accepted = [query["sql"] for query in row["golds"]]
        scores += [grader.grade(Sample(row["question"], sql, accepted, row)).score for sql in accepted]
    assert (scores.count(1.0), len(scores)) == (572, 572)


def _pid_of_worker() -> int:
    grade(NORWEGIANS)
    process = sql_client._WORKER._process
    assert process is not None
    return process.pid


def test_a_worker_that_is_gone_is_the_graders_failure_and_the_next_row_is_graded_again() -> None:
    os.kill(_pid_of_worker(), signal.SIGKILL)
    query = NORWEGIANS.replace("> 20", "> 19.123")
    samples = [Sample("?", query, NORWEGIANS)] * 2
    lost, graded = Sql(database=SHOP).grade_all(samples)
    assert (lost.score, lost.errors) == (None, ("other_error",))
    assert graded.score is not None


def test_an_interrupt_does_not_mix_up_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _pid_of_worker()

    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sql_client._Worker, "_read_line", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grade("SELECT 'never read'")
    assert grade("SELECT 'never read', 2", "SELECT 'never read', 2").score == 1
    assert _pid_of_worker() != before


def test_a_forked_process_asks_a_worker_of_its_own() -> None:
    mine = _pid_of_worker()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        sql_client.run_query.cache_clear()
        same = int(grade(NORWEGIANS).score == 1 and _pid_of_worker() != mine)
        os.write(writing, bytes([same]))
        sql_client._WORKER.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 1) == b"\x01"
    os.close(reading)
    os.close(writing)
    assert _pid_of_worker() == mine


def test_the_worker_ends_with_the_process_that_started_it() -> None:
    code = (
        "from graders.sql import Sql; from graders.base import Sample; import os, signal\n"
        "from graders import sql_client\n"
        "print(Sql(database='CREATE TABLE t (a)').grade(Sample('', 'SELECT 1', 'SELECT 1')).score)\n"
        "print(sql_client._WORKER._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    score, pid = done.stdout.split()
    assert score == "1.0"
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
