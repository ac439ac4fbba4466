"""Graded rows survive their file, whatever a model wrote; a broken file is named with its line."""

import datetime
from pathlib import Path

import pytest
from rows_made import graded

from graders.base import Grade
from graders.errors import UserError
from graders.json_fields import JsonFields
from pipelines.data.rows import Row
from pipelines.evals.grades import read_grades, write_grades
from pipelines.evals.score import grade_completions, graded_row
from pipelines.sampling import Completion


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    odd = graded("+")[0].model_copy(update={"completion": "a\u2028b\x00\r\n\t\\ 漢 \U0001f600", "parts": {"x": None}})
    rows = [*graded("+-?"), odd]
    write_grades(tmp_path / "new" / "grades.jsonl", rows)
    assert read_grades(tmp_path / "new" / "grades.jsonl") == rows


def test_a_row_keeps_all_of_its_grade(tmp_path: Path) -> None:
    asked = Row(7, ({"role": "user", "content": "Read it."},), reference={"a": 1, "b": 2})
    answer = Completion('{"a": 1, "b": 3}', "hm", num_tokens=9, truncated=True)
    [row] = grade_completions(JsonFields(), [asked], [answer])
    write_grades(tmp_path / "g.jsonl", [row])
    [back] = read_grades(tmp_path / "g.jsonl")
    assert back == row
    assert (back.score, back.passed, back.reasoning) == (0.5, False, "hm")
    assert (back.parts["a"], back.parts["b"], back.parts["fields missing"]) == (1.0, 0.0, 0.0)


def test_dates_and_half_characters_are_written_readably(tmp_path: Path) -> None:
    asked = Row(1, ({"role": "user", "content": "a"},), reference=datetime.date(2024, 2, 29))
    answer = Completion("x\ud800y", "", num_tokens=1, truncated=False)
    row = graded_row(asked, answer, Grade(0.0, "\ud800", extracted="\ud800"), passed=False)
    write_grades(tmp_path / "g.jsonl", [row])
    [back] = read_grades(tmp_path / "g.jsonl")
    assert (back.reference, back.completion) == ("2024-02-29", "x?y")


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    write_grades(path, graded("++"))
    path.write_text(path.read_text() + "{")
    with pytest.raises(UserError, match=r"g\.jsonl:3: this is no graded row"):
        read_grades(path)
    with pytest.raises(UserError, match="cannot read the grades"):
        read_grades(tmp_path / "none.jsonl")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    path.mkdir()
    with pytest.raises(UserError, match="cannot write"):
        write_grades(path, graded("+"))
    assert list(tmp_path.iterdir()) == [path]
