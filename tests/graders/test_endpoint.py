"""endpoint: what is sent to a grader behind HTTP, and what its answers and failures become."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.union import parse_grader
from tests.graders.scripted_server import Say, ScriptedServer, serve


def graded(say: Callable[[dict[str, Any]], Say], *samples: Sample, **fields: Any) -> tuple[list[Grade], ScriptedServer]:
    with serve(say) as server:
        grader = parse_grader({"type": "endpoint", "url": f"{server.url}/grade", **fields})
        return grader.grade_all(samples), server


def score(value: Any) -> Callable[[dict[str, Any]], Say]:
    return lambda _: Say(json.dumps({"score": value, "more": "is let go"}))


def test_sample_item_and_trace_id_are_posted() -> None:
    row = {"answer": 72, "missing": float("nan"), "deep": [{"a": "ü"}]}
    [grade], server = graded(score(0.25), Sample("p", '{"a": 1}', row=row))
    assert grade == Grade(0.25, "the endpoint gives 0.25", raw=0.25)
    [body] = server.bodies
    assert server.paths == ["/v1/grade"]
    assert body["item"] == {"answer": 72, "missing": None, "deep": [{"a": "ü"}]}
    assert (body["sample"]["output_text"], body["sample"]["output_json"]) == ('{"a": 1}', {"a": 1})
    assert body["sample"]["choices"][0]["message"]["content"] == '{"a": 1}'
    assert body["trace_id"].startswith("trace_")
    _, again = graded(score(0.25), Sample("p", '{"a": 1}', row=row))
    assert again.bodies == [body]


def test_raw_units_need_a_range_and_the_threshold_is_in_them() -> None:
    config = {"type": "endpoint", "url": "http://127.0.0.1:1/g", "pass_threshold": 8}
    with pytest.raises(UserError, match=r"declare one such as range: \[0, 8\]"):
        parse_grader(config)
    assert parse_grader({**config, "range": [0, 10]}).pass_at == 0.8
    [grade], _ = graded(score(7), Sample("p", "c"), range=[0, 10])
    assert (grade.raw, grade.score) == (7, 0.7)


@pytest.mark.parametrize("value", [1.5, -1, "1", None, True, [1], float("nan"), 10**400])
def test_a_score_that_is_no_number_of_the_range_is_unscored(value: Any) -> None:
    [grade], _ = graded(score(value), Sample("p", "c"))
    assert (grade.score, grade.errors) == (None, ("other_error",))


@pytest.mark.parametrize("text", ["", "1", "[]", '{"Score": 1}', "<html>", '{"score":' * 10_000])
def test_an_answer_of_another_form_is_unscored(text: str) -> None:
    [grade], server = graded(lambda _: Say(text), Sample("p", "c"))
    assert (grade.score, grade.errors) == (None, ("other_error",))
    assert len(server.bodies) == 1


def test_a_call_that_fails_is_tried_three_times_more_and_then_unscored() -> None:
    [grade], server = graded(lambda _: Say("down", 500), Sample("p", "c"))
    assert (grade.score, grade.errors) == (None, ("unresponsive_reward_error",))
    assert "HTTP 500: 'down'" in grade.reason
    assert len(server.bodies) == 4
    says = iter([Say("x", 500), Say("x", 429), Say("x", 502), Say('{"score": 1}')])
    [grade], _ = graded(lambda _: next(says), Sample("p", "c"))
    assert grade.score == 1


def test_a_refused_row_costs_itself_and_is_not_tried_again() -> None:
    def say(body: dict[str, Any]) -> Say:
        return Say("bad row", 422) if body["item"]["bad"] else Say('{"score": 1}')

    rows = [Sample("p", f"c{place}", row={"bad": place < 9}) for place in range(10)]
    grades, server = graded(say, *rows)
    assert [grade.score for grade in grades] == [None] * 9 + [1]
    assert len(server.bodies) == 10


def test_an_endpoint_that_hangs_is_left_in_time() -> None:
    started = time.monotonic()
    grades, _ = graded(lambda _: Say("", before=60), *[Sample("p", str(n)) for n in range(300)], timeout_seconds=0.3)
    assert time.monotonic() - started < 10
    assert {grade.errors for grade in grades} == {("unresponsive_reward_error",)}
    assert grades[-1].reason.startswith("not asked, as the server had failed before: no answer in")


def test_no_more_requests_a_second_than_allowed() -> None:
    started = time.monotonic()
    grades, _ = graded(score(1), *[Sample("p", str(n)) for n in range(11)], rate_limit=20)
    assert time.monotonic() - started >= 0.5
    assert [grade.score for grade in grades] == [1] * 11


def test_a_request_of_more_than_a_megabyte_is_not_sent() -> None:
    [grade], server = graded(score(1), Sample("p", "x" * 1_000_001))
    assert grade.score is None
    assert "1 MB" in grade.reason
    assert server.bodies == []


def test_a_redirect_is_not_followed() -> None:
    with serve(score(1)) as elsewhere:
        [grade], _ = graded(lambda _: Say("", 307, {"Location": elsewhere.url}), Sample("p", "c"))
    assert grade.score is None
    assert elsewhere.bodies == []
