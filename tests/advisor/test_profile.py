"""What is measured of a data set: kind of answer, the grader that fits, demonstrations or bare answers."""

import pytest

from advisor.grader_fit import try_grader
from advisor.profile import profile
from graders.exact_match import ExactMatch
from graders.numeric import Numeric
from pipelines.data.answer_kind import answer_kind
from tests.advisor.conftest import made, row, word_problem


def completions(texts):
    return [row(number, f"prompt {number}", completion=text) for number, text in enumerate(texts)]


KINDS = [
    (["12", "$1,300.50", "-3", "7 apples", "3/4"] * 8, "number", False),
    ([f"We add {n} and {n}.\n#### {2 * n}" for n in range(40)], "number", True),
    ([f"We add {n} and {n} again, so the answer is {2 * n}." for n in range(40)], "number", True),
    (["yes", "no", "no"] * 20, "one_of_few", False),
    (["1", "5", "4"] * 30, "one_of_few", False),
    (['{"a": 1}', '{"a": 2}'] * 20, "json", False),
    ([f"Person {n}" for n in range(40)], "short_text", False),
    ([f"A whole sentence about thing number {n} and more" for n in range(40)], "long_text", False),
    (
        [f"Because of {n} reasons that I list here.\nThe answer is {'AB'[n % 2]}." for n in range(40)],
        "one_of_few",
        True,
    ),
]


@pytest.mark.parametrize("kind", ["completion", "reference"])
def test_where_some_rows_show_how_only_those_are_counted_as_labelled(kind):
    bare = [row(n, f"p{n}", reference=str(1000 + n)) for n in range(50)]
    shown = [row(50 + n, f"q{n}", **{kind: str(2000 + n)}) for n in range(10)]
    assert profile(made(bare + shown)).num_labelled == (10 if kind == "completion" else 60)


@pytest.mark.parametrize(("texts", "kind", "worked"), KINDS)
def test_the_kind_of_answer(texts, kind, worked):
    found = answer_kind(completions(texts))
    assert (found.kind, found.worked) == (kind, worked)


def test_a_reference_beside_a_longer_completion_makes_it_worked():
    rows = [
        row(n, "p", completion=f"First {n}, then {n} again and again, so {2 * n}", reference=2 * n) for n in range(40)
    ]
    found = answer_kind(rows)
    assert (found.kind, found.worked) == ("number", True)


def test_labels_have_counts_skew_and_guess_rate():
    found = answer_kind(completions(["spam"] * 30 + ["ham"] * 10))
    assert found.labels == (("spam", 30), ("ham", 10))
    assert found.skew == 3.0
    assert found.guess_rate == 0.75


def test_pairs_and_thumbs_are_no_labels():
    pairs = [row(n, f"p{n}", chosen="a", rejected="b") for n in range(5)]
    thumbs = [row(n, f"p{n}", completion="a", desirable=n % 2 == 0) for n in range(5)]
    assert answer_kind(pairs).kind == "preference_pairs"
    assert answer_kind(thumbs).kind == "thumbs"
    assert profile(made(pairs)).num_labelled == 0
    assert profile(made(thumbs)).num_labelled == 0
    assert profile(made(thumbs)).num_thumbs == 5


def test_word_problems_with_worked_steps():
    rows = [row(n, word_problem(n)[0], completion=word_problem(n)[1]) for n in range(60)]
    found = profile(made(rows))
    assert (found.num_rows, found.num_prompts, found.num_labelled, found.num_completions) == (60, 60, 60, 60)
    assert found.demonstrations
    assert found.word_problems
    assert found.fit is not None
    assert found.fit.grader == Numeric()
    assert (found.fit.tried, found.fit.accepted, found.fit.fits) == (60, 60, True)
    assert found.fit.wrong_accepted < 0.2


def test_bare_answers_are_no_demonstrations():
    assert not profile(made(completions([str(n) for n in range(40)]))).demonstrations


def test_a_grader_that_refuses_the_gold_does_not_fit_and_names_the_rows():
    rows = [row(n, f"p{n}", completion="forty-two" if n < 4 else str(n), reference="42") for n in range(40)]
    fit = try_grader(ExactMatch(), rows)
    assert fit is not None
    assert not fit.fits
    assert "of the rows' own answers" in fit.problem
    assert fit.refused[:3] == (0, 1, 2)


def test_a_reference_that_stands_in_the_prompt_is_no_answer():
    rows = [row(n, f"Make {n + 10} out of 3, 5 and 9 with plus and minus.", reference=n + 10) for n in range(40)]
    found = profile(made(rows))
    assert found.fit is not None
    assert "copying" in found.fit.problem
    assert found.num_labelled == 0


def test_columns_that_no_prompt_asks_for_are_no_answer():
    rows = [row(n, "Reach the target.", reference={"target": n, "numbers": "1 2"}) for n in range(40)]
    found = profile(made(rows))
    assert found.fit is not None
    assert "numbers" in found.fit.problem
    assert found.num_labelled == 0


def test_few_labels_become_choices_and_many_do_not():
    few = profile(made(completions(["red", "blue"] * 30)))
    many = profile(made(completions([f"label-{n % 12}" for n in range(120)])))
    assert few.fit is not None
    assert few.fit.grader.model_dump()["choices"] == ("blue", "red")
    assert many.fit is not None
    assert many.fit.grader == ExactMatch()


def test_free_text_has_no_grader():
    found = profile(made(completions([f"A long and winding sentence on matter number {n}" for n in range(30)])))
    assert found.fit is None
    assert found.demonstrations


def test_lengths_are_in_characters():
    found = profile(made([row(n, "x" * (n + 1), completion="y" * 10) for n in range(100)]))
    assert (found.prompt_chars.median, found.prompt_chars.p95) == (50, 95)
    assert (found.answer_chars.median, found.answer_chars.p95) == (10, 10)


def test_no_rows_with_answers():
    found = profile(made([row(n, f"p{n}") for n in range(3)]))
    assert (found.num_labelled, found.answers.kind, found.fit) == (0, "none", None)


def test_answers_without_steps_among_answers_with_steps_are_counted():
    worked = [row(n, f"{n} + 9?", completion=f"Add: {n}+9={n + 9}.\n#### {n + 9}") for n in range(60)]
    bare = [row(n, f"{n} + 8?", completion=f"She has {n + 8} pens. #### {n + 8}") for n in range(100, 140)]
    found = answer_kind(worked + bare)
    assert (found.kind, found.worked, found.bare) == ("number", True, 0.4)
    assert answer_kind(worked + bare[:2]).bare == 0, "two change little"
    assert answer_kind(bare).bare == 0, "no other answer shows steps"
    many = [row(n, f"{n} + 8?", completion=f"#### {n + 8}") for n in range(100, 500)]
    assert answer_kind(worked + many).worked, "60 rows with steps are worth imitating by themselves"


def test_a_few_worked_rows_among_many_bare_answers_are_demonstrations():
    """The main use: 30 worked solutions, and 70 prompts with the answer alone."""
    worked = [row(n, f"{n} + 9?", completion=f"Add: {n}+9={n + 9}.\n#### {n + 9}", reference=n + 9) for n in range(30)]
    bare = [row(n, f"{n} + 9?", reference=n + 9) for n in range(30, 100)]
    assert answer_kind(worked + bare).worked
    assert not answer_kind(bare).worked


def test_tokens_are_reckoned_by_script():
    english = profile(made([row(n, "abc" * 10, completion="x" * 6) for n in range(5)]))
    chinese = profile(made([row(n, "小明有三个苹果", completion="九个") for n in range(5)]))
    assert (english.prompt_tokens, english.answer_tokens) == (10, 2)
    assert (chinese.prompt_tokens, chinese.answer_tokens) == (5, 1)
    assert profile(made([row(0, "a")])).answer_tokens == 0
