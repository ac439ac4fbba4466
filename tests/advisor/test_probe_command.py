"""`probe` and `init --probe` as a user calls them, on the starter, in their child process."""

import json
import shutil

import pytest
import yaml

from advisor.answers import Answer
from advisor.cli.main import run_command
from advisor.decide import decide
from advisor.defaults import Context
from advisor.gather import gather
from advisor.hardware import Speed
from advisor.interview import Voices, interview
from advisor.probing import probe_seconds
from advisor.profile import profile
from advisor.questions import PROBE, QUESTIONS
from advisor.reading import measure
from pipelines.data.spec import DataSpec
from pipelines.plan_file import load_plan
from pipelines.probe_kept import known
from pipelines.starter.tasks import generate
from tests.advisor import conftest
from tests.pipelines.test_probe_result import found, style

STARTER_PARAMETERS = 1_290_000


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def untried():
    """Here models are tried."""


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

    assert run_command(["init", "--data", "rows.jsonl", "--yes", "--json"]) == 0
    done = capsys.readouterr()
    told = json.loads(done.out)
    assert "already done" in done.err
    assert told["probe"]["facts"] == measured["facts"]
    assert told["answers"]["probe"] == {"value": True, "origin": "assumed"}
    assert told["answers"]["format_new"] == {"value": False, "origin": "measured"}
    assert yaml.safe_load((here / "answers.yaml").read_text()) == {"data": "rows.jsonl"}

    assert run_command(["probe", "plan.yaml"]) == 0
    done = capsys.readouterr()
    assert "measured before, and read from" in done.out
    assert "no test rows" in " ".join(done.out.split())
    loaded = load_plan(here / "plan.yaml")
    assert known(loaded).base_score == direct["pass_rate"]
    assert known(load_plan(here / "plan.yaml", ["seed=1"])) is None


def test_nobody_need_have_the_model_tried(here, jsonl, capsys):
    jsonl(generate("arithmetic", 60, seed=3))
    assert run_command(["init", "--data", "rows.jsonl", "--yes", "--no-probe", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["probe"] is None
    assert told["answers"]["format_new"] == {"value": True, "origin": "assumed"}
    assert yaml.safe_load((here / "answers.yaml").read_text()) == {"data": "rows.jsonl", "probe": False}


def test_a_model_that_cannot_be_tried_spoils_no_plan_unless_somebody_wants_it_tried(here, jsonl, tiny_model, capsys):
    shutil.copytree(tiny_model, here / "bare")
    for path in (here / "bare").glob("*token*"):
        path.unlink()
    jsonl(generate("arithmetic", 60, seed=3))
    command = ["init", "--data", "rows.jsonl", "--model", "bare", "--yes"]
    assert run_command(command) == 0
    assert "The model could not be tried: stage `probe`" in " ".join(capsys.readouterr().out.split())
    assert load_plan(here / "plan.yaml").plan.model.name == "./bare"
    assert run_command([*command, "--probe"]) == 1
    assert "stage `probe`" in capsys.readouterr().err


def test_how_long_a_probe_takes_decides_whether_it_is_made_or_asked_for(jsonl, tmp_path, monkeypatch):
    jsonl(generate("arithmetic", 60, seed=3))
    _, data = measure(DataSpec(train="rows.jsonl"), tmp_path)
    slow = Speed(1e6, None)
    monkeypatch.setattr("advisor.probing.speed", lambda: slow)
    seconds = probe_seconds(data, "numeric", "starter", tmp_path)
    answered = 60 * (4 + 16) * data.answer_tokens
    assert seconds == pytest.approx(slow.seconds(STARTER_PARAMETERS, 0, answered, 1), rel=0.1)
    assert probe_seconds(None, "numeric", "starter", tmp_path) is None
    assert probe_seconds(data, "none", "starter", tmp_path) is None
    assert probe_seconds(data, "numeric", "owner/model", tmp_path) is None, "of an unknown size"
    judge = '{"type": "judge", "model": "m", "criteria": "It is polite."}'
    assert probe_seconds(data, judge, "starter", tmp_path) is None, "it costs money"
    jsonl(generate("arithmetic", 20, seed=3))
    _, few = measure(DataSpec(train="rows.jsonl"), tmp_path)
    assert probe_seconds(few, "numeric", "starter", tmp_path) is None

    question = next(question for question in QUESTIONS if question.key == PROBE)
    for seconds, gpu, made, asked in [(59, 0, True, False), (61, 0, False, False), (61, 80, False, True)]:
        monkeypatch.setattr("advisor.defaults.probe_seconds", lambda *_, seconds=seconds: seconds)
        context = Context(tmp_path, data, gpu_gib=gpu)
        assert question.default(context) == Answer(made, "assumed")
        assert question.when(context) == asked


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


def advised(tmp_path, probed, given=None, num_rows=300):
    numbers = range(num_rows)
    rows = [conftest.row(n, conftest.word_problem(n)[0], completion=conftest.word_problem(n)[1]) for n in numbers]
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


def test_many_worked_answers_come_first_where_a_model_that_knows_the_task_was_tried(tmp_path):
    half = found(style("direct", 50, tokens=10))
    _, decision = advised(tmp_path, half)
    assert decision.stages == ("grpo",)
    assert "no_warm_up" in [fired.id for fired in decision.fired]
    assert "with 500 answers that show steps: sft → grpo" in " ".join(decision.would_change)
    _, decision = advised(tmp_path, half, num_rows=500)
    assert decision.stages == ("sft", "grpo")
    ids = [fired.id for fired in decision.fired]
    assert "warm_up_well_shown" in ids
    assert "no_warm_up" not in ids
    _, decision = advised(tmp_path, half, {"format_new": False}, num_rows=500)
    assert decision.stages == ("grpo",), "said, not tried: nothing could tell that imitation does harm"


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
