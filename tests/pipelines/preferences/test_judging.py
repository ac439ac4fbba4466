"""A judge answers in both orders; what it says only of one place is a tie; it is never taken for a person."""

import json
from typing import Any

import pytest

from graders.errors import UserError
from graders.judge import Judge
from graders.union import parse_grader
from pipelines.plan import Plan
from pipelines.preferences.judging import judge_of, judged
from tests.graders import fair_judge
from tests.graders.scripted_server import Say, chat, serve
from tests.pipelines.preferences.test_desk import question


def plan(url: str, *names: str, **fields: Any) -> Plan:
    judge = {"type": "judge", "model": "m", "criteria": "It is polite.", "server": {"base_url": url}, **fields}
    return Plan.model_validate(
        {
            "name": "p",
            "data": {"train": "rows.jsonl"},
            "graders": {**{name: judge for name in names}, "numbers": {"type": "numeric"}},
            "metric": "numbers",
            "stages": [{"type": "label", "name": "ask"}],
        }
    )


def always(winner: str) -> Any:
    return lambda _: chat(json.dumps({"reason": "so it is", "winner": winner}))


def test_the_longer_wins_with_a_judge_that_likes_length_in_whatever_order() -> None:
    judge = judge_of(plan(fair_judge.URL, "politeness"), None)
    questions = [question(0, "short", "much longer"), question(1, "long enough", "x"), question(2, "four", "rows")]
    ((answers, failed),) = judged(judge, questions)
    assert failed == []
    assert [answer.ranking for answer in answers] == [((1,), (0,)), ((0,), (1,)), ((0, 1),)]
    assert {(answer.annotator, answer.source) for answer in answers} == {("m", "judge")}
    assert "both orders" in answers[0].note


def test_more_than_two_are_ranked_by_their_wins() -> None:
    judge = judge_of(plan(fair_judge.URL, "politeness"), "politeness")
    ((answers, _),) = judged(judge, [question(0, "bb", "a", "cc", "dddd")])
    assert answers[0].ranking == ((3,), (0, 2), (1,))


def test_a_judge_that_likes_a_place_gives_ties() -> None:
    with serve(always("1")) as server:
        ((answers, _),) = judged(judge_of(plan(server.url, "politeness"), None), [question(0), question(1)])
        assert len(server.bodies) == 4
    assert [answer.ranking for answer in answers] == [((0, 1),), ((0, 1),)]


def test_a_verdict_that_holds_in_one_order_only_is_a_tie() -> None:
    said = iter(["1", "tie"])

    def say(_: dict[str, Any]) -> Say:
        return chat(json.dumps({"reason": "so", "winner": next(said)}))

    with serve(say) as server:
        judge = judge_of(plan(server.url, "j", server={"base_url": server.url, "concurrency": 1}), None)
        ((answers, _),) = judged(judge, [question(0)])
    assert answers[0].ranking == ((0, 1),)


def test_what_the_judge_cannot_say_is_no_answer() -> None:
    with serve(always("neither")) as server:
        ((answers, failed),) = judged(judge_of(plan(server.url, "politeness"), None), [question(0)])
    assert answers == []
    assert len(failed) == 1
    assert "neither" in failed[0]


def test_a_plan_without_a_judge_or_with_two_is_told() -> None:
    with pytest.raises(UserError, match="no grader of type `judge`"):
        judge_of(plan(fair_judge.URL), None)
    with pytest.raises(UserError, match="the plan's judges: one, two"):
        judge_of(plan(fair_judge.URL, "one", "two"), None)
    with pytest.raises(UserError, match="called `numbers`"):
        judge_of(plan(fair_judge.URL, "one"), "numbers")


def test_a_judge_that_scores_compares_without_its_examples_of_scores(tmp_path: Any) -> None:
    (tmp_path / "judge.yaml").write_text(
        "criteria: polite\nexamples: [{prompt: p, completion: c, reason: r, score: 5}]\n"
    )
    config = {"type": "judge", "model": "m", "prompt_file": str(tmp_path / "judge.yaml")}
    judge = parse_grader({**config, "server": {"base_url": fair_judge.URL}})
    assert isinstance(judge, Judge)
    ((answers, _),) = judged(judge.comparing(), [question(0, "short", "much longer")])
    assert answers[0].ranking == ((1,), (0,))
    assert judge.compare_with is None, "the plan's own judge is as it was"
