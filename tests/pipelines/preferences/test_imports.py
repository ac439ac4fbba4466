"""What was collected elsewhere is taken in whole, once, and marked; what cannot be is told by row."""

import json
from pathlib import Path
from typing import Any

import pytest

from graders.errors import UserError
from pipelines.preferences.answers import Answer, answer_lines, read_answers
from pipelines.preferences.imports import read_foreign, take_in, told
from tests.pipelines.preferences.test_desk import Office


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def pair(number: int, **columns: Any) -> dict[str, Any]:
    return {"prompt": f"Question {number}?", "chosen": f"good {number}", "rejected": f"bad {number}", **columns}


def first_choice(answer: Answer) -> str:
    return answer.completions[answer.ranking[0][0]]


def test_rows_with_chosen_and_rejected_become_answers_of_an_import(tmp_path: Path) -> None:
    found = read_foreign(write(tmp_path / "pairs.jsonl", *map(pair, range(4))), "vendor")
    assert [first_choice(answer) for answer in found.answers] == [f"good {number}" for number in range(4)]
    assert {(answer.annotator, answer.source) for answer in found.answers} == {("vendor", "import")}
    assert [answer.messages[-1].content for answer in found.answers] == [f"Question {n}?" for n in range(4)]


def test_rows_that_hold_no_two_answers_are_told_by_number(tmp_path: Path) -> None:
    rows = [pair(0), pair(1, rejected=None), pair(2, rejected="good 2"), pair(3)]
    found = read_foreign(write(tmp_path / "pairs.jsonl", *rows), "vendor")
    assert len(found.answers) == 2
    assert found.without == (2, 3)
    assert "2 rows hold no two different answers: 2, 3" in told(found, 2, 1)
    assert "1 are about prompts that are no training or validation rows" in told(found, 2, 1)


def test_each_annotator_of_a_file_keeps_the_name_and_ties_are_ties(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Q?", "response_a": "yes", "response_b": "no", "annotator1": 1, "annotator2": 0, "annotator3": 2},
        {"prompt": "R?", "response_a": "yes", "response_b": "no", "annotator1": 2, "annotator2": 2, "annotator3": None},
    ]
    found = read_foreign(write(tmp_path / "votes.jsonl", *rows), "vendor")
    assert [(answer.annotator, answer.ranking) for answer in found.answers] == [
        ("annotator1", ((0,), (1,))),
        ("annotator2", ((0, 1),)),
        ("annotator3", ((1,), (0,))),
        ("annotator1", ((1,), (0,))),
        ("annotator2", ((1,), (0,))),
    ]


def test_the_same_file_twice_is_once_and_equal_rows_stay_two(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.give()
    found = read_foreign(write(tmp_path / "pairs.jsonl", pair(0), pair(0), pair(1)), "vendor")
    assert take_in(found.answers, office.store, office.file) == 3
    assert take_in(found.answers, office.store, office.file) == 0
    assert len(read_answers(office.path)) == 4
    assert office.enter().new == 0
    assert office.desk.before("vendor").undo is None, "an import is not taken back key by key"


def test_answers_of_label_come_as_they_are(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for _ in range(3):
        office.give()
    other = tmp_path / "other"
    other.mkdir()
    (other / "export.jsonl").write_text(answer_lines(row.answer for row in office.store.live()))
    theirs = Office(other)
    found = read_foreign(other / "export.jsonl", "nobody")
    assert take_in(found.answers, theirs.store, theirs.file) == 3
    assert read_answers(theirs.path) == read_answers(office.path)
    assert theirs.desk.before("ann").answered == 3


def test_answers_with_gaps_are_told_by_line_and_nothing_is_taken(tmp_path: Path) -> None:
    good = answer_lines(read_foreign(write(tmp_path / "pairs.jsonl", pair(0)), "ann").answers)
    gap = good.replace("[[0],[1]]", "[[0],[2]]").replace("[[1],[0]]", "[[2],[0]]")
    (tmp_path / "answers.jsonl").write_text(good + gap + good + "{}\n")
    with pytest.raises(UserError, match=r"2 lines are no answers: line 2: .*; line 4: ") as error:
        read_foreign(tmp_path / "answers.jsonl", "ann")
    assert "completion 2" in str(error.value)


def test_rows_without_preferences_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", *({"prompt": f"{n}?", "completion": "x"} for n in range(3)))
    with pytest.raises(UserError, match="hold no preferences"):
        read_foreign(path, "ann")
