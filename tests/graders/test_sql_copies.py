"""A changed copy of a database: what changes, and what stays as the data shows it to be."""

import sqlite3
from collections.abc import Iterator

import pytest

from graders.sql_copies import perturb
from graders.sql_literals import neighbours
from graders.sql_tables import Column


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(
        "CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT, level TEXT);"
        "CREATE TABLE player (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES team(id), name TEXT, goals INTEGER,"
        " pay REAL, joined TEXT);"
        "CREATE TABLE void (id INTEGER PRIMARY KEY, place TEXT, day DATE);"
    )
    teams = [(i, f"team {i}", "AB"[i % 2]) for i in range(1, 7)]
    players = [
        (
            i,
            1 + i % 6,
            f"player {i}",
            10 + 13 * i % 80,
            round(50.5 + 7.25 * i, 2),
            f"2021-{1 + i % 12:02}-{1 + i % 28:02}",
        )
        for i in range(60)
    ]
    connection.executemany("INSERT INTO team VALUES (?, ?, ?)", teams)
    connection.executemany("INSERT INTO player VALUES (?, ?, ?, ?, ?, ?)", players)
    yield connection
    connection.close()


def everything(connection: sqlite3.Connection) -> list[list[tuple[object, ...]]]:
    return [connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("team", "player", "void")]


def copy(connection: sqlite3.Connection, seed: int) -> sqlite3.Connection:
    changed = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(changed)
    perturb(changed, seed)
    return changed


def test_the_same_seed_gives_the_same_copy_and_another_seed_another(database: sqlite3.Connection) -> None:
    one, again, other = copy(database, 1), copy(database, 1), copy(database, 2)
    assert everything(one) == everything(again) != everything(other)
    for connection in (one, again, other):
        connection.close()


def test_rows_go_come_and_change_and_empty_tables_get_some(database: sqlite3.Connection) -> None:
    changed = copy(database, 1)
    before, after = set(everything(database)[1]), set(everything(changed)[1])
    assert len(before - after) > 20
    assert {row[0] for row in before} - {row[0] for row in after}
    assert {row[0] for row in after} - {row[0] for row in before}
    assert len(everything(changed)[2]) >= 10
    changed.close()


def test_what_the_data_shows_stays_so(database: sqlite3.Connection) -> None:
    for seed in range(1, 6):
        changed = copy(database, seed)
        teams, players, _ = everything(changed)
        assert {row[1] for row in players} <= {row[0] for row in teams}, "links hold"
        assert {row[2] for row in teams} == {"A", "B"}, "no new category"
        for place in (0, 2, 4):
            assert len({row[place] for row in players}) == len(players), "what was unique is unique"
        assert all(cell is not None for row in teams + players for cell in row), "no NULL where there was none"
        assert all(row[3] >= 0 for row in players), "no negative count"
        changed.close()


def test_neighbours_lie_on_both_sides_as_the_column_writes_them() -> None:
    whole = Column("a", "INT", False, values=[1, 2])
    assert {4, 5, 6} <= set(neighbours(5, "gt", whole))
    assert {4, 5, 6} <= set(neighbours("5", "eq", whole))
    day = Column("a", "TEXT", False, values=["2020-02-02"])
    assert {"2023-02-28", "2023-03-01", "2023-03-02"} <= set(neighbours("2023-03-01", "gte", day))
    assert {"2022-12-31", "2023-01-01", "2023-12-31", "2024-01-01"} == set(neighbours("2023", "eq", day))
    moment = Column("a", "TEXT", False, values=["2020-02-02T10:00"])
    assert "2023-03-01T23:59" in neighbours("2023-03-01", "lte", moment)
    assert {"salt", "salq"} <= set(neighbours("salt", "eq", Column("a", "TEXT", False, values=["x"])))
    assert {"salt", "salt x", "x salt"} <= set(neighbours("%salt%", "like", Column("a", "TEXT", False, values=["x"])))
