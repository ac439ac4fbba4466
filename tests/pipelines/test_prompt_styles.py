"""The same row asked in other words, and what is read of the answer."""

import pytest

from graders.choice import Choice
from graders.exact_match import ExactMatch
from pipelines.data.rows import Row
from pipelines.data.split import prompt_hash
from pipelines.prompt_styles import INSTRUCTIONS, asked, choose_shots, follows, read
from pipelines.rewards import sample_of
from pipelines.sampling import Completion

SYSTEM = {"role": "system", "content": "Be brief."}


def row(number: int, prompt: str, completion: str | None = None, reference: str | None = None) -> Row:
    return Row(number, (SYSTEM, {"role": "user", "content": prompt}), completion=completion, reference=reference)


def said(text: str, reasoning: str = "") -> Completion:
    return Completion(text, reasoning, num_tokens=9, truncated=False)


def test_only_the_last_turn_gets_an_instruction() -> None:
    one = row(1, "2 + 2?")
    assert asked(one, "direct") == one.messages
    system, user = asked(one, "step_by_step")
    assert system == SYSTEM
    assert user["content"] == f"2 + 2?\n\n{INSTRUCTIONS['step_by_step']}"


def test_shots_are_earlier_turns_after_the_system_message() -> None:
    shots = [row(2, "1 + 1?", "1+1=2\n#### 2"), row(3, "3 + 3?", reference="6")]
    turns = asked(row(1, "2 + 2?"), "few_shot", shots)
    assert [turn["role"] for turn in turns] == ["system", *["user", "assistant"] * 2, "user"]
    assert [turn["content"] for turn in turns][1:] == ["1 + 1?", "1+1=2\n#### 2", "3 + 3?", "6", "2 + 2?"]


def test_shots_are_none_of_the_asked_rows_and_differ_in_their_answers() -> None:
    rows = [row(n, f"Word {n}?", reference=["yes", "yes", "yes", "no"][n % 4]) for n in range(40)]
    rows.append(row(99, "Worked?", completion="It is not one, so no.\n#### no"))
    rows.append(row(100, "Nothing known?"))
    shots = choose_shots(rows, rows[:20])
    assert shots[0].number == 99, "worked answers come first"
    assert {prompt_hash(shot) for shot in shots}.isdisjoint(map(prompt_hash, rows[:20]))
    assert shots[1].reference == "yes", "and then another answer"
    assert len(shots) == 4
    assert choose_shots(rows, rows[:20]) == shots


@pytest.mark.parametrize(
    "text",
    [
        "It sends money back.\nAnswer: refund",
        "**Answer:** refund",
        "Hm.\nFinal answer:\nrefund",
        "1\nAnswer: delivery\nNo!\nAnswer: refund",
    ],
)
def test_what_follows_the_last_mark_is_graded_and_the_rest_is_reasoning(text: str) -> None:
    answer = read("step_by_step", said(text))
    assert answer.text == "refund"
    known = row(1, "?", reference="refund")
    assert ExactMatch().grade(sample_of(known, answer)).score == 1
    assert "Answer:" not in answer.text
    assert read("direct", said(text)).text == text


def test_reasoning_that_names_other_labels_does_not_spoil_the_answer() -> None:
    text = "Not delivery, and no praise.\nAnswer: refund"
    grader, known = Choice(choices=("refund", "delivery", "praise")), row(1, "?", reference="refund")
    answer = read("step_by_step", said(text, "first thought"))
    assert grader.grade(sample_of(known, answer)).score == 1
    assert answer.reasoning == "first thought\nNot delivery, and no praise."


def test_without_a_mark_or_with_nothing_after_it_the_whole_answer_counts() -> None:
    for text in ["refund", "I think.\nAnswer:", "The answer: that is hard"]:
        assert read("step_by_step", said(text)).text == text


def test_a_style_is_followed_where_the_answer_has_its_form() -> None:
    known = row(1, "?", reference="refund")
    assert follows("step_by_step", known, said("So.\nAnswer: refund"))
    assert not follows("step_by_step", known, said("refund"))
    assert follows("answer_only", known, said("Refund."))
    assert not follows("answer_only", known, said("Money is to be sent back, so refund."))
    assert not follows("answer_only", known, said("refund", reasoning="Money is to be sent back."))
