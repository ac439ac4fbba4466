"""Precedence of answers, checks, paths, and what is kept on Ctrl-C."""

import pytest

from advisor.answers import Answer, Answers, read_answers, write_answers
from advisor.defaults import Context
from advisor.interview import Interrupted, Voices, check_all, interview, move_paths, parse_sets
from advisor.profile import profile
from advisor.questions import DATA, QUESTIONS
from graders.errors import UserError
from tests.advisor.conftest import made, row, word_problem

BY_KEY = {question.key: question for question in (DATA, *QUESTIONS)}


@pytest.fixture
def context(tmp_path):
    rows = [row(n, word_problem(n)[0], completion=word_problem(n)[1]) for n in range(60)]
    return Context(tmp_path, profile(made(rows)))


def never(question, default, check):
    raise AssertionError(f"{question.key} was asked")


def test_given_goes_before_earlier_before_asked_before_default(context):
    asked = []

    def ask(question, default, check):
        asked.append(question.key)
        return check("half an answer") if question.key == "task" else default.value

    voices = Voices(given={"model": "starter"}, earlier={"model": "owner/other", "name": "earlier"}, ask=ask)
    answers = interview(QUESTIONS, context, voices)
    assert answers["model"] == Answer("starter", "told")
    assert answers["name"] == Answer("earlier", "told")
    assert answers["task"] == Answer("half an answer", "told")
    assert answers["labelled"] == Answer(60, "measured")
    assert not {"model", "name", "labelled"} & set(asked)


def test_without_anyone_to_ask_every_question_has_a_default_with_its_origin(context):
    answers = interview(QUESTIONS, context, Voices())
    assert set(answers) == {question.key for question in QUESTIONS}
    assert answers["grader"] == Answer("numeric", "measured")
    assert answers["verifiable"] == Answer(True, "measured")
    assert answers["reasoning_helps"] == Answer(True, "assumed")
    assert answers["format_new"] == Answer(True, "assumed")


def test_defaults_without_data_need_nothing(tmp_path):
    answers = interview(QUESTIONS, Context(tmp_path), Voices())
    assert answers["labelled"] == Answer(0, "assumed")
    assert answers["verifiable"] == Answer(False, "assumed")


@pytest.mark.parametrize("told", [{}, {"model": "owner/model"}, {"model": "owner/model", "verifiable": True}])
@pytest.mark.parametrize("has_data", [True, False])
def test_at_most_ten_questions_are_asked(context, tmp_path, told, has_data):
    asked = []

    def ask(question, default, check):
        asked.append(question.key)
        return told.get(question.key, default.value)

    interview(QUESTIONS, context if has_data else Context(tmp_path), Voices(ask=ask))
    assert 0 < len(asked) <= 9  # and the one for the data


def test_every_question_says_why_and_its_key_can_be_kept():
    assert set(BY_KEY) == set(Answers.model_fields)
    for question in BY_KEY.values():
        assert question.why.endswith(".")
        assert question.text


def test_a_named_grader_means_that_answers_can_be_checked(tmp_path):
    answers = interview(QUESTIONS, Context(tmp_path), Voices(given={"grader": "numeric"}))
    assert answers["verifiable"] == Answer(True, "told")


def test_an_instruct_model_is_taken_to_know_the_format(context):
    answers = interview(QUESTIONS, context, Voices(given={"model": "owner/Small-1B-Instruct"}))
    assert answers["format_new"] == Answer(False, "assumed")


def test_an_unknown_key_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(UserError, match="verifiable"):
        check_all({"verifyable": "yes"}, tmp_path)


BAD = [
    ("verifiable", "perhaps"),
    ("reasoning_helps", "maybe"),
    ("labelled", "-3"),
    ("labelled", "many"),
    ("hours", "soon"),
    ("name", "My Plan"),
    ("grader", "numerik"),
    ("grader", "{type: numeric, abs_tolerance: much}"),
    ("model", "./no/such/folder"),
    ("data", "./no/such/file.jsonl"),
    ("task", "  "),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_bad_answer_is_refused_with_its_key_and_what_was_expected(tmp_path, key, value):
    with pytest.raises(UserError) as caught:
        check_all({key: value}, tmp_path)
    assert caught.value.where.startswith(key)


GOOD = [
    ("verifiable", "Yes", True),
    ("verifiable", False, False),
    ("reasoning_helps", "?", "unknown"),
    ("labelled", "1,200", 1200),
    ("hours", "0.5", 0.5),
    ("model", "owner/model-1.5B", "owner/model-1.5B"),
    ("grader", "{type: numeric, abs_tolerance: 0.01}", "{type: numeric, abs_tolerance: 0.01}"),
]


@pytest.mark.parametrize(("key", "value", "expected"), GOOD)
def test_given_and_typed_answers_pass_the_same_check(context, key, value, expected):
    assert check_all({key: value}, context.folder) == {key: expected}
    typed = interview([BY_KEY[key]], context, Voices(ask=lambda question, default, check: check(value)))
    if BY_KEY[key].when(context):
        assert typed[key] == Answer(expected, "told")


def test_ctrl_c_keeps_what_was_answered(context):
    def ask(question, default, check):
        if question.key == "verifiable":
            raise KeyboardInterrupt
        return default.value

    with pytest.raises(Interrupted) as caught:
        interview(QUESTIONS, context, Voices(ask=ask))
    assert list(caught.value.answers) == ["task", "model", "labelled", "demonstrations"]
    assert isinstance(caught.value, KeyboardInterrupt)


def test_answers_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "answers.yaml"
    told = {"data": "rows.jsonl", "labelled": 12, "verifiable": True, "reasoning_helps": "unknown", "hours": 0.5}
    write_answers(path, told)
    assert check_all({key: value for key, value in read_answers(path).items() if key != "data"}, tmp_path) == {
        key: value for key, value in told.items() if key != "data"
    }


@pytest.mark.parametrize("text", ["- a list\n", "model: [\n", "just words\n"])
def test_a_broken_answers_file_is_a_message(tmp_path, text):
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_answers(path)
    assert caught.value.where == str(path)


def test_paths_move_with_the_plan(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.jsonl").write_text("{}")
    (tmp_path / "plans").mkdir()
    moved = move_paths({"data": "data/rows.jsonl", "model": "owner/model", "task": "x"}, tmp_path, tmp_path / "plans")
    assert moved == {"data": "../data/rows.jsonl", "model": "owner/model", "task": "x"}


def test_set_needs_a_key_and_a_value():
    assert parse_sets(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    with pytest.raises(UserError):
        parse_sets(["alone"])
