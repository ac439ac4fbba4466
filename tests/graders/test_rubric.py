"""rubric: weighted points, by graders, by a judge, by both, and by what the row brings."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.union import parse_grader
from tests.graders.fair_judge import blocks
from tests.graders.scripted_server import Say, chat, serve

NUMBER = {"name": "number", "weight": 3, "grader": {"type": "numeric"}}
SHORT = {"name": "rude", "weight": -2, "grader": {"type": "exact_match"}}


def rubric(*points: dict[str, Any], **fields: Any) -> Any:
    return parse_grader({"type": "rubric", "points": list(points), **fields})


def decides(*met: bool) -> Callable[[dict[str, Any]], Say]:
    points = [{"point": place, "reason": f"why {place}", "met": value} for place, value in enumerate(met, 1)]
    return lambda _: chat(json.dumps({"points": points}))


def test_points_of_graders_need_no_model() -> None:
    grader = rubric(NUMBER, {"name": "same", "weight": 1, "grader": {"type": "exact_match"}})
    right, close, wrong = grader.grade_all([Sample("p", text, "72") for text in ("72", "It is 72.", "It is 71.")])
    assert (right.score, close.score, wrong.score) == (1, 0.75, 0)
    assert close.parts == {"number": 1, "same": 0}
    assert (close.raw, close.reason) == (3, "3 of 4 points; not met: 'same'")


def test_a_partial_grade_is_a_partial_point() -> None:
    grader = rubric({"name": "fields", "weight": 2, "grader": {"type": "json_fields"}}, NUMBER)
    grade = grader.grade(Sample("p", '{"a": 1, "b": 72}', {"a": 1, "b": 2}))
    assert grade.parts["fields"] == 0.5
    assert grade.parts["number"] is None  # a mapping holds no number
    assert grade.score is None


def test_negative_points_take_away_and_the_sum_is_cut_at_0() -> None:
    grader = rubric(NUMBER, SHORT)
    assert grader.grade(Sample("p", "72", "72")).score == pytest.approx(1 / 3)
    assert "against it: 'rude'" in grader.grade(Sample("p", "72", "72")).reason
    worse = rubric(NUMBER, {**SHORT, "weight": -9}).grade(Sample("p", "72", "72"))
    assert (worse.score, worse.raw) == (0, -6)


def test_all_text_points_are_decided_in_one_call() -> None:
    points = (
        {"text": "Names the drug."},
        {"name": "dose", "text": "States\nthe dose.", "weight": 4},
        {"text": "Lies.", "weight": -3},
    )
    with serve(decides(True, False, False)) as server:
        grader = rubric(*points, model="m", server={"base_url": server.url})
        grade = grader.grade(Sample("What helps?", "Ibuprofen.", "ibuprofen 400 mg"))
    assert len(server.bodies) == 1
    assert grade.score == pytest.approx(0.2)
    assert grade.parts == {"Names the drug.": 1, "dose": 0, "Lies.": 0}
    assert "why 2" in grade.reason
    assert "1. Names the drug.\n2. States the dose.\n3. Lies." in server.bodies[0]["messages"][0]["content"]
    assert blocks(server.last_message())["completion"] == "Ibuprofen."


def test_graders_and_the_judge_decide_together() -> None:
    with serve(decides(True)) as server:
        grader = rubric(NUMBER, {"text": "Shows its work."}, model="m", server={"base_url": server.url})
        grades = grader.grade_all([Sample("p", f"{n} it is", "72") for n in (72, 71)])
    assert [grade.score for grade in grades] == [1, 0.25]


def test_an_empty_completion_meets_no_text_point_and_is_not_sent() -> None:
    with serve(decides(True)) as server:
        assert rubric({"text": "x"}, model="m", server={"base_url": server.url}).grade(Sample("p", " ")).score == 0
    assert server.bodies == []


@pytest.mark.parametrize(
    "points",
    [
        [],
        [{"point": 1, "reason": "", "met": True}],
        [{"point": 1, "reason": "", "met": True}] * 2,
        [{"point": 1, "reason": "", "met": True}, {"point": 3, "reason": "", "met": True}],
        [{"point": 1, "reason": "", "met": True}, {"point": 2, "reason": "", "met": "yes"}],
        [{"point": 1, "reason": "", "met": True}, {"point": True, "reason": "", "met": True}],
        [1, 2],
        "met",
    ],
)
def test_a_verdict_that_does_not_decide_each_point_once_is_unscored(points: Any) -> None:
    with serve(lambda _: chat(json.dumps({"points": points}))) as server:
        grader = rubric({"text": "x"}, {"text": "y"}, model="m", server={"base_url": server.url})
        grade = grader.grade(Sample("p", "c"))
    assert (grade.score, grade.errors) == (None, ("model_grader_parse_error",))
    assert grade.parts == {"x": None, "y": None}


def test_a_judge_that_is_down_leaves_the_row_unscored_whatever_the_graders_say() -> None:
    with serve(lambda _: Say("down", 500)) as server:
        fields = {"model": "m", "server": {"base_url": server.url, "give_up_seconds": 0.2}}
        grade = rubric(NUMBER, {"text": "x"}, **fields).grade(Sample("p", "72", "72"))
    assert (grade.score, grade.errors) == (None, ("model_grader_server_error",))
    assert grade.parts == {"number": 1, "x": None}
    assert "not decided: 'x'" in grade.reason


def test_a_row_may_bring_its_points() -> None:
    rows = [
        {"rubrics": [{"text": "a", "weight": 2}, {"text": "b", "weight": -1}]},
        {"rubrics": [{"criterion": "c", "points": 5, "tags": []}]},
        {"rubrics": []},
        {"rubrics": "none"},
        {},
        {"rubrics": [{"criterion": "d", "points": -5}]},
        {"rubrics": [{"name": "n", "grader": {"type": "numeric"}}]},
    ]

    def say(body: dict[str, Any]) -> Say:
        return decides(*[True] * body["messages"][0]["content"].count("\n2. ", 0), True)(body)

    with serve(say) as server:
        grader = parse_grader({"type": "rubric", "column": "rubrics", "model": "m", "server": {"base_url": server.url}})
        grades = grader.grade_all([Sample("p", f"c{place}", row=row) for place, row in enumerate(rows)])
    assert [grade.score for grade in grades] == [0.5, 1, None, None, None, None, None]
    assert all(grade.errors == ("invalid_variable_error",) for grade in grades[2:])
    assert grades[0].parts == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "needs points"),
        ({"points": [{"text": "x"}]}, "need a model"),
        ({"column": "r"}, "need a model"),
        ({"points": [{"text": "x", "weight": -1}], "model": "m"}, "positive weight"),
        ({"points": [{"text": "x"}, {"text": "x"}], "model": "m"}, "two points are called"),
        ({"points": [{"name": "x"}]}, "text or grader"),
        ({"points": [{"grader": {"type": "numeric"}}]}, "needs a name"),
        ({"points": [{"text": "x", "weight": 0}], "model": "m"}, "weight 0"),
        ({"points": [{"name": "x", "grader": {"type": "numerik"}}]}, "numerik"),
    ],
)
def test_a_faulty_rubric_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_grader({"type": "rubric", **config})


def test_a_rubric_can_be_part_of_a_multi_and_of_a_rubric() -> None:
    inner = {"type": "rubric", "points": [NUMBER]}
    multi = parse_grader({"type": "multi", "graders": {"a": inner}, "calculate_output": "a / 2"})
    assert multi.grade(Sample("p", "72", "72")).score == 0.5
    assert rubric({"name": "inner", "grader": inner}).grade(Sample("p", "72", "72")) == Grade(
        1.0, "1 of 1 points", raw=1.0, parts={"inner": 1.0}
    )


def test_graders_inside_are_fitted_and_their_files_count() -> None:
    fitted = rubric({"name": "label", "grader": {"type": "choice"}}).fitted(["yes", "no"] * 20)
    assert set(fitted.points[0].grader.choices) == {"yes", "no"}
    judge = {"type": "judge", "model": "m", "prompt_file": "judge.yaml"}
    assert rubric({"name": "j", "grader": judge}).files() == ("judge.yaml",)
