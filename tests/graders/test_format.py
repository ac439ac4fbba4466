"""format: partial credit for tags, length and script."""

import pytest
from pydantic import ValidationError

from graders.base import Grade, Sample
from graders.format import Format

TAGS = {"tags": ["think", "answer"]}


def grade(completion: str, reasoning: str = "", **fields: object) -> Grade:
    return Format.model_validate(fields).grade(Sample("Do it.", completion, reasoning=reasoning))


def test_tags_in_order_with_nothing_outside_score_1() -> None:
    result = grade("<think>2 + 2</think>\n<answer>4</answer>\n", **TAGS)
    assert result.score == 1
    assert result.reason == "as asked for: tags, outside"


@pytest.mark.parametrize(
    ("completion", "tags", "said"),
    [
        ("<think>2 + 2</think>4", 0.5, "<answer> is missing; </answer> is missing"),
        ("<answer>4</answer><think>2 + 2</think>", 0.5, "<answer> is out of order"),
        ("<think>2<answer>4</answer></think>", 0.5, "<answer> is out of order"),
        ("<think>a</think><answer>4</answer><answer>5</answer>", 0.5, "<answer> stands there 2 times"),
        ("<think></think><answer> </answer>", 0.5, "<think> is empty; <answer> is empty"),
        ("<think>2<answer>4", 0.5, "</think> is missing"),
        ("4", 0, "<think> is missing"),
        ("", 0, "<think> is missing"),
    ],
)
def test_each_wrong_tag_costs_its_share(completion: str, tags: float, said: str) -> None:
    result = grade(completion, **TAGS)
    assert result.parts == {"tags": tags, "outside": 0.0}
    assert said in result.reason


def test_text_outside_of_the_tags_costs_its_part_unless_allowed() -> None:
    completion = "Sure! <think>2 + 2</think><answer>4</answer>"
    assert grade(completion, **TAGS).parts == {"tags": 1.0, "outside": 0.0}
    assert grade(completion, **TAGS).reason == "text outside of the tags"
    assert grade(completion, outside="allowed", **TAGS).score == 1


def test_the_reasoning_block_counts_as_think() -> None:
    assert grade("<answer>4</answer>", reasoning="2 + 2", **TAGS).score == 1
    assert grade("<answer>4</answer>", **TAGS).parts["tags"] == 0.5


@pytest.mark.parametrize(
    ("completion", "fields", "score"),
    [
        ("one two three", {"at_least": 2, "at_most": 4}, 1),
        ("one", {"at_least": 4}, 0.25),
        ("one two three", {"at_most": 2}, 0.5),
        ("one two three four five", {"at_most": 2}, 0),
        ("  abcd  ", {"at_most": 4, "count": "characters"}, 1),
        ("今天天气很好", {"at_most": 6}, 1),
        ("今天天气很好 very nice", {"at_most": 4}, 0),
        ("", {"at_least": 1}, 0),
    ],
)
def test_length(completion: str, fields: dict[str, object], score: float) -> None:
    assert grade(completion, **fields).score == score


@pytest.mark.parametrize(
    ("completion", "scripts", "score"),
    [
        ("今天 12:30 天气很好！", ["han"], 1),
        ("Привет, мир", ["cyrillic"], 1),
        ("مرحبا بالعالم", ["arabic"], 1),
        ("カタカナーとひらがな", ["kana"], 1),
        ("漢字とかな", ["kana", "han"], 1),
        ("안녕하세요", ["hangul"], 1),
        ("Grüße", ["latin"], 1),
        ("abcde天气很好吧", ["han"], 0.5 / 0.9),
        ("hello", ["han"], 0),
        ("12 + 30", ["han"], 0),
    ],
)
def test_scripts(completion: str, scripts: list[str], score: float) -> None:
    assert grade(completion, scripts=scripts).score == pytest.approx(score)


def test_tags_are_not_letters_of_the_text_and_the_parts_are_averaged() -> None:
    result = grade("<answer>天气</answer>", tags=["answer"], scripts=["han"], at_least=4)
    assert result.parts == {"tags": 1.0, "outside": 1.0, "length": 0.5, "script": 1.0}
    assert result.score == pytest.approx(3.5 / 4)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "nothing is asked for"),
        ({"tags": ["<think>"]}, "names of tags without brackets"),
        ({"tags": ["a", "a"]}, "distinct"),
        ({"at_least": 5, "at_most": 4}, "is more than"),
        ({"scripts": ["klingon"]}, "there is no script 'klingon'"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Format.model_validate(fields)
