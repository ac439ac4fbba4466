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


ARGILLA = [
    {
        "id": "1",
        "status": "completed",
        "fields": {"prompt": "Q?", "response1": "yes", "response2": "no"},
        "metadata": {},
        "suggestions": {"preference": {"value": "response2", "agent": "m", "score": None}},
        "responses": {
            "preference": [{"value": "response1", "user_id": "u-1"}, {"value": "tie", "user_id": "u-2"}],
        },
        "vectors": {},
    },
    {"id": "2", "status": "pending", "fields": {"prompt": "R?", "response1": "a", "response2": "b"}, "responses": {}},
    {
        "id": "3",
        "fields": {"prompt": [{"role": "user", "content": "S?"}], "response1": "a", "response2": "b"},
        "responses": {"preference": [{"value": ["response2", "response1"], "user_id": "u-1"}]},
    },
    {
        "id": "4",
        "fields": {"instruction": "T?", "generation-1": "a", "generation-2": "b", "generation-3": "c"},
        "responses": [
            {
                "user_id": "u-3",
                "status": "submitted",
                "values": {
                    "ranking": {
                        "value": [
                            {"rank": 2, "value": "generation-1"},
                            {"rank": 1, "value": "generation-3"},
                            {"rank": 2, "value": "generation-2"},
                        ]
                    }
                },
            },
            {"user_id": "u-4", "status": "draft", "values": {"ranking": {"value": []}}},
        ],
    },
]
STUDIO = [
    {
        "id": 1,
        "data": {"question": "Q?", "text1": "yes", "text2": "no"},
        "annotations": [
            {"completed_by": 7, "result": [{"type": "pairwise", "value": {"selected": "right"}}]},
            {
                "completed_by": {"id": 8, "email": "ben@example.org"},
                "result": [{"type": "choices", "value": {"choices": ["Both bad"]}}],
            },
            {
                "completed_by": 9,
                "was_cancelled": True,
                "result": [{"type": "pairwise", "value": {"selected": "left"}}],
            },
        ],
        "predictions": [],
    },
    {
        "id": 2,
        "data": {"question": "R?", "text1": "yes", "text2": "no"},
        "annotations": [
            {"completed_by": 7, "result": [{"type": "choices", "value": {"choices": ["unreadable"]}}]},
        ],
    },
]


def rankings(path: Path) -> list[tuple[str, str, Any]]:
    return [(a.messages[-1].content, a.annotator, a.ranking) for a in read_foreign(path, "nobody").answers]


@pytest.mark.parametrize("as_lines", [False, True])
def test_an_export_of_argilla_gives_the_answers_of_its_users(tmp_path: Path, as_lines: bool) -> None:
    path = tmp_path / "argilla.json"
    path.write_text("\n".join(map(json.dumps, ARGILLA)) if as_lines else json.dumps(ARGILLA, indent=1))
    assert rankings(path) == [
        ("Q?", "u-1", ((0,), (1,))),
        ("Q?", "u-2", ((0, 1),)),
        ("S?", "u-1", ((1,), (0,))),
        ("T?", "u-3", ((2,), (0, 1))),
    ]
    assert read_foreign(path, "nobody").without == (2,)


def test_an_export_of_label_studio_gives_the_answers_of_its_annotators(tmp_path: Path) -> None:
    path = tmp_path / "project.json"
    path.write_text(json.dumps(STUDIO))
    found = read_foreign(path, "nobody")
    assert rankings(path) == [("Q?", "7", ((1,), (0,))), ("Q?", "ben@example.org", ((0, 1),))]
    assert [answer.both_bad for answer in found.answers] == [False, True]
    assert found.without == (2,)


def test_an_export_without_comparisons_is_told(tmp_path: Path) -> None:
    path = tmp_path / "argilla.json"
    path.write_text(json.dumps([{"fields": {"text": "x"}, "responses": {"q": [{"value": "good", "user_id": "u"}]}}]))
    with pytest.raises(UserError, match="no fields such as response1 and response2"):
        read_foreign(path, "nobody")


def test_parquet_and_missing_files_go_to_the_loader(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "pairs.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([pair(n) for n in range(3)]), path)
    assert len(read_foreign(path, "vendor").answers) == 3
    with pytest.raises(UserError):
        read_foreign(tmp_path / "nothing.jsonl", "vendor")
