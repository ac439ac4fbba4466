"""Which answers to a prompt are trained on, and for which reason the others are not."""

import json
from dataclasses import replace
from pathlib import Path

from pipelines.data.load import load_rows
from pipelines.data.rows import Row
from pipelines.data.spec import DataSpec
from pipelines.evals.grades import GradedRow
from pipelines.hint import can_be_hinted, with_hint
from pipelines.keep_right import Answer, Rules, choose
from pipelines.kept_counts import nothing_kept
from pipelines.kept_files import write_choices

RULES = Rules("passing", most=4, form="equations", checked=True)
ROW = Row(number=3, messages=({"role": "user", "content": "3 + 4 + 5 = ?"},), reference="12")
WORKED = replace(ROW, completion="3+4=7\n7+5=12\n#### 12")


def answer(
    text: str, score: float | None = 1.0, cut: bool = False, hinted: bool = False, reasoning: str = ""
) -> Answer:
    passed = None if score is None else score == 1.0
    graded = GradedRow(
        index=3,
        prompt="",
        prompt_key="",
        completion=text,
        reasoning=reasoning,
        score=score,
        passed=passed,
        reason="graded",
        num_tokens=9,
        truncated=cut,
    )
    return Answer(1, hinted, graded)


A, B, C = "3+4=7\n7+5=12\n#### 12", "4+5=9\n3+9=12\n#### 12", "3+4+5=12\n#### 12"


def test_every_answer_is_kept_or_counted_for_one_reason() -> None:
    answers = [
        answer(A),
        answer(A.replace("3+4", "4 + 3")),
        answer("3+4=8\n8+4=12\n#### 12"),
        answer("#### 11", 0.0),
        answer(B, cut=True),
        answer(B, None),
        answer("#### 10", 0.0),
    ]
    choice = choose(ROW, answers, RULES)
    assert [one.text for one in choice.kept] == [A]
    assert choice.dropped == {"repeated": 1, "false equation": 1, "wrong": 2, "cut off": 1, "unscored": 1}
    assert len(choice.kept) + sum(choice.dropped.values()) == len(answers)
    assert (choice.right, choice.scored) == (3, 6), "what is cut off is not right, though it passes"


def test_a_path_of_the_rows_own_is_no_news() -> None:
    choice = choose(WORKED, [answer(A), answer("#### 9", 0.0), answer(B)], RULES)
    assert [one.text for one in choice.kept] == [B]


def test_where_its_own_words_stand_in_the_rows_place_an_equal_path_is_kept() -> None:
    rules = replace(RULES, beside=False)
    own = answer("3 + 4 = 7. 7 + 5 = 12. #### 12")
    assert choose(WORKED, [own, answer("#### 9", 0.0), answer(A)], rules).kept == (own,)


def test_of_an_easy_prompt_less_is_kept_than_of_a_hard_one() -> None:
    right = [answer(A), answer(B), answer(C)]
    assert len(choose(ROW, right, RULES).kept) == 1, "always solved"
    assert len(choose(ROW, [*right, *[answer("#### 1", 0.0)] * 3], RULES).kept) == 2, "half of 4"
    assert len(choose(ROW, [*right, *[answer("#### 1", 0.0)] * 9], RULES).kept) == 3, "three quarters of 4"
    choice = choose(ROW, [*right, *[answer("#### 1", 0.0)] * 9], replace(RULES, most=2))
    assert (len(choice.kept), choice.dropped["over the cap"]) == (2, 1)


def test_best_of_k_takes_one_answer_even_where_none_passes_but_never_a_zero() -> None:
    rules = replace(RULES, keep="best")
    scored = [answer("4+4=8\n#### 8", 0.3), answer("3+5=8\n#### 8", 0.6), answer("#### 1", 0.0)]
    choice = choose(ROW, scored, rules)
    assert [one.graded.score for one in choice.kept] == [0.6]
    assert choice.dropped == {"not best": 1, "wrong": 1}
    assert choose(ROW, [answer("#### 1", 0.0)], rules).kept == ()


def test_a_hinted_answer_must_pass_and_calculate() -> None:
    hinted = [answer("#### 12", hinted=True), answer(A, hinted=True), answer("1+1=2\n#### 2", 0.0, hinted=True)]
    choice = choose(ROW, hinted, RULES)
    assert [one.text for one in choice.kept] == [A]
    assert choice.dropped == {"copied hint": 1, "wrong": 1}
    assert (choice.right, choice.scored) == (0, 0), "a hinted answer tells nothing of how hard the prompt is"
    assert choose(ROW, [answer(A, 0.5, hinted=True)], replace(RULES, keep="best")).kept == ()


def test_the_hint_stands_in_the_prompt_alone() -> None:
    (turn,) = with_hint(ROW)
    assert "12" in turn["content"]
    assert ROW.prompt == "3 + 4 + 5 = ?"
    assert can_be_hinted(ROW)
    assert not can_be_hinted(WORKED)
    assert not can_be_hinted(replace(ROW, reference="long " * 1000))
    assert '{"a": 1}' in with_hint(replace(ROW, reference={"a": 1}))[-1]["content"]


def test_pairs_load_as_preferences_with_their_prompt(tmp_path: Path) -> None:
    wrong = answer("3+4=7\n7+5=11\n#### 11", 0.0)
    choice = choose(ROW, [answer(A), wrong, wrong, answer(B), answer("3+4=7", 0.0, cut=True)], RULES)
    assert choice.pairs == ((A, wrong.text),)
    write_choices(tmp_path, [choice, choose(WORKED, [wrong], RULES)], "passing")
    rows = load_rows("pairs.jsonl", DataSpec(train="pairs.jsonl"), tmp_path).rows
    assert [(row.prompt, row.chosen, row.rejected) for row in rows] == [(ROW.prompt, A, wrong.text)] * 2


def test_what_was_kept_is_read_back_with_any_line_separator_and_its_reasoning(tmp_path: Path) -> None:
    odd = answer("3+9=12\u2028#### 12\x85", reasoning="4+5=9")
    choice = choose(ROW, [odd, answer("#### 1", 0.0)], RULES)
    write_choices(tmp_path, [choice], "passing")
    (row,) = load_rows("kept.jsonl", DataSpec(train="kept.jsonl"), tmp_path).rows
    assert row.completion == "<think>\n4+5=9\n</think>\n\n3+9=12\u2028#### 12\x85"
    (line,) = (tmp_path / "prompts.jsonl").read_text().split("\n")[:-1]
    assert json.loads(line)["dropped"] == {"wrong": 1}


def test_the_message_when_nothing_is_kept_names_the_commonest_reason_and_its_fix() -> None:
    def message(*answers: Answer) -> str:
        return str(nothing_kept([choose(ROW, answers, RULES)], Path("answers")))

    assert "raise max_new_tokens" in message(answer(A, cut=True), answer(B, cut=True), answer("1", 0.0))
    assert "2 of 3 are wrong" in message(answer("1", 0.0), answer("2", 0.0), answer("3", None))
    assert "mend the grader" in message(answer("1", None))
    assert "no prompt leaves room" in message()
