"""The protocol against a real server, `transformers serve`, with the embedded starter.

The starter is far too small to judge. What is tested is that it is asked as this server wants it, that an answer which
is no verdict is unscored, and that what was answered once is not asked again.
"""

from graders.base import Grade, Sample
from graders.llm.chat import Form, Question, Reply, ask_all
from graders.llm.server import Server
from graders.union import parse_grader
from tests.transformers_serve import Serving


def _grader(serving: Serving) -> dict[str, object]:
    return {"model": serving.model, "server": {"base_url": serving.url, "concurrency": 2}, "max_tokens": 16}


def test_a_judge_whose_answer_is_no_verdict_leaves_every_row_unscored(serving: Serving) -> None:
    judge = parse_grader({"type": "judge", "criteria": "right", **_grader(serving)})
    grades: list[Grade] = judge.grade_all([Sample("2 + 3 = ?", text, "5") for text in ("5", "6", "")])
    assert [grade.score for grade in grades] == [None, None, 0]
    assert grades[0].errors == grades[1].errors == ("model_grader_parse_error",)


def test_what_was_answered_once_is_not_asked_again(serving: Serving) -> None:
    form = Form("f", {"type": "object", "properties": {"a": {"type": "number"}}})
    question = Question((("user", "2 + 3 = ?"),), form, {"temperature": 0, "seed": 0, "max_completion_tokens": 16})
    [reply] = ask_all(serving.model, Server(base_url=serving.url), [question])
    assert isinstance(reply, Reply)
    assert reply.text
    answered = serving.requests()
    assert ask_all(serving.model, Server(base_url=serving.url), [question]) == [reply]
    assert serving.requests() == answered
    uncached = Server(base_url=serving.url, cache=False)
    assert ask_all(serving.model, uncached, [question]) == [reply]  # greedy: the same again
    assert serving.requests() == answered + 1


def test_a_model_that_it_does_not_serve_is_said(serving: Serving) -> None:
    judge = parse_grader({"type": "judge", "criteria": "right", **_grader(serving), "model": "owner/no-such-model"})
    [grade] = judge.grade_all([Sample("2 + 3 = ?", "5")])
    assert (grade.score, grade.errors) == (None, ("model_grader_server_error",))
