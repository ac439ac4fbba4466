"""`probe` and `init --probe` as a user calls them, on the starter, in their child process."""

import json

import pytest
import yaml

from advisor.advise import gather
from advisor.answers import Answer
from advisor.cli.main import run_command
from advisor.decide import decide
from advisor.interview import Voices, interview
from advisor.profile import profile
from advisor.questions import QUESTIONS, Context
from pipelines.plan_file import load_plan
from pipelines.probing import known
from pipelines.starter.tasks import generate
from tests.advisor import conftest
from tests.pipelines.test_probe_result import found, style


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_was_measured_once_is_known_to_init_and_to_the_plan(here, jsonl, capsys):
    jsonl(generate("arithmetic", 60, seed=3))
    assert run_command(["probe", "--data", "rows.jsonl", "--model", "starter", "--json"]) == 0
    done = capsys.readouterr()
    measured = json.loads(done.out)
    assert (measured["kept"], measured["rows_from"]) == (False, "training")
    assert [one["style"] for one in measured["styles"]] == ["direct", "step_by_step", "few_shot", "answer_only"]
    direct = measured["styles"][0]
    assert 0.1 < direct["pass_rate"] < 0.8, "the starter knows a little of this"
    assert direct["parse_rate"] == 1.0
    assert measured["facts"]["base_score"] == direct["pass_rate"]
    assert measured["verdict"] == "ready"
    assert "probe it has not run yet" in done.err

    assert run_command(["init", "--data", "rows.jsonl", "--yes", "--probe", "--json"]) == 0
    done = capsys.readouterr()
    told = json.loads(done.out)
    assert "already done" in done.err
    assert told["probe"]["facts"] == measured["facts"]
    assert told["answers"]["format_new"] == {"value": False, "origin": "measured"}
    assert yaml.safe_load((here / "answers.yaml").read_text()) == {"data": "rows.jsonl", "probe": True}

    assert run_command(["probe", "plan.yaml"]) == 0
    done = capsys.readouterr()
    assert "measured before, and read from" in done.out
    assert "no test rows" in " ".join(done.out.split())
    loaded = load_plan(here / "plan.yaml")
    assert known(loaded).base_score == direct["pass_rate"]
    assert known(load_plan(here / "plan.yaml", ["seed=1"])) is None


BAD = [
    ([], 2, "Name a PLAN, or rows with --data FILE"),
    (["plan.yaml", "--data", "rows.jsonl"], 2, "leave out --data, or PLAN"),
    (["plan.yaml", "--column", "prompt=question"], 2, "leave out --column, or PLAN"),
    (["nowhere.yaml"], 1, "there is no such plan"),
    (["--data", "nowhere.jsonl"], 1, "nowhere.jsonl"),
    (["--data", "rows.jsonl", "--model", "./nowhere"], 1, "there is no model './nowhere'"),
    (["--data", "rows.jsonl", "--grader", "numerik"], 1, "there is no grader 'numerik'"),
    (["--data", "texts.jsonl"], 1, "no grader fits these answers"),
    (["plan.yaml"], 1, "the metric is likelihood, which grades no answer"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), BAD)
def test_what_cannot_be_measured_is_one_message(here, jsonl, capsys, arguments, code, said):
    jsonl(conftest.sums(True))
    jsonl(conftest.texts(), "texts.jsonl")
    (here / "plan.yaml").write_text(
        "name: p\ndata: {train: texts.jsonl}\nmetric: likelihood\nstages: [{type: evaluate, name: b}]\n"
    )
    assert run_command(["probe", *arguments]) == code
    error = capsys.readouterr().err
    assert said in " ".join(error.split())
    assert not (here / "runs").exists()


def test_a_reward_model_that_is_not_trained_yet_can_measure_nothing(here, jsonl, capsys):
    jsonl(conftest.pairs())
    (here / "plan.yaml").write_text(
        "name: p\ndata: {train: rows.jsonl}\ngraders: {rm: {type: reward_model, model: judge}}\nmetric: preference\n"
        "reward: rm\nstages: [{type: reward_model, name: judge}, {type: ppo, name: ppo}]\n"
    )
    assert run_command(["probe", "plan.yaml"]) == 1
    assert "the reward model of stage `judge`, which is not trained yet" in capsys.readouterr().err


def advised(tmp_path, probed, given=None):
    rows = [conftest.row(n, conftest.word_problem(n)[0], completion=conftest.word_problem(n)[1]) for n in range(300)]
    data = profile(conftest.made(rows))
    context = Context(tmp_path, data, told=given or {}, probed=probed)
    answers = {"data": Answer("made.jsonl", "told"), **interview(QUESTIONS, context, Voices(given=given or {}))}
    return answers, decide(gather(data, answers, probed))


def test_measured_facts_decide(tmp_path):
    _, assumed = advised(tmp_path, None)
    assert assumed.stages == ("sft", "grpo")
    direct = style("direct", 50, tokens=10)
    answers, decision = advised(tmp_path, found(direct, style("step_by_step", 20, tokens=40)))
    assert answers["reasoning_helps"] == Answer(False, "measured")
    assert decision.stages == ("sft",)
    assert decision.facts.origins["base_score"] == "measured"
    _, decision = advised(tmp_path, found(style("direct", 97, tokens=10), drawn=0.97))
    assert decision.outcome == "do_not_tune"
    _, decision = advised(tmp_path, found(style("direct", 0, tokens=10), drawn=0.0))
    assert "warm_up_floor" in [fired.id for fired in decision.fired]


def test_a_better_prompt_is_told_of_and_is_enough_where_it_reaches_the_target(tmp_path):
    better = found(style("direct", 50, tokens=10), style("few_shot", 80, tokens=10))
    _, decision = advised(tmp_path, better)
    (reason,) = [fired.reason for fired in decision.fired if fired.id == "prompt_first"]
    assert "80.0% in place of 50.0%" in reason
    _, decision = advised(tmp_path, better, {"target": 0.65})
    assert (decision.outcome, decision.fired[0].id) == ("do_not_tune", "prompting_does_it")
    _, decision = advised(tmp_path, better, {"target": 0.75})
    assert decision.outcome == "rft", "80 of 100 may be less than three quarters"
    _, decision = advised(tmp_path, found(style("direct", 50, tokens=10), style("few_shot", 50, 10)), {"target": 0.3})
    assert (decision.outcome, decision.fired[0].id) == ("do_not_tune", "good_enough")


def test_what_was_measured_is_not_asked(tmp_path):
    asked = []

    def ask(question, default, check):
        asked.append(question.key)
        return default.value

    probed = found(style("direct", 50, tokens=10), style("step_by_step", 20, tokens=40))
    rows = [conftest.row(n, conftest.word_problem(n)[0], completion=conftest.word_problem(n)[1]) for n in range(60)]
    interview(QUESTIONS, Context(tmp_path, profile(conftest.made(rows)), probed=probed), Voices(ask=ask))
    assert {"reasoning_helps", "format_new"}.isdisjoint(asked)
    assert "target" in asked
