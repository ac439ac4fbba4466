"""ranked_list: the place of the right answer is its credit."""

import json

import pytest

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.ranked_list import RankedList
from graders.union import parse_grader

LANDS = ["Peru", "Chad", "Laos", "Fiji", "Oman", "Iran"]


def grade(completion: object, reference: object, **fields: object) -> Grade:
    text = completion if isinstance(completion, str) else json.dumps(completion)
    return RankedList.model_validate(fields).grade(Sample("Which?", text, reference))


def test_credit_falls_with_the_place_and_ends_with_the_table() -> None:
    scores = [grade(LANDS, land).score for land in LANDS]
    assert scores == [1.0, 0.7, 0.5, 0.35, 0.25, 0.0]
    assert grade(LANDS, "Mali").score == 0
    assert grade(LANDS, "Iran").reason == "'Iran' is right, at place 6 of 6, and only 5 places earn credit"


def test_the_plan_may_give_the_table() -> None:
    scores = [grade(LANDS, land, credits=[1, 0.5, 0.5]).score for land in LANDS]
    assert scores == [1.0, 0.5, 0.5, 0.0, 0.0, 0.0]
    for credits in ([], [0.5], [1, 1.5], [1, 0.2, 0.3], [1, -1], [1, float("nan")]):
        with pytest.raises(UserError):
            parse_grader({"type": "ranked_list", "credits": credits})


@pytest.mark.parametrize(
    "completion",
    [
        '["Peru", "Chad", "Laos"]',
        '```json\n["Peru", "Chad"]\n```',
        '{"ranking": ["Peru", "chad"]}',
        "Peru\n\nChad\nLaos",
        "1. Peru\n2. CHAD.\n3. Laos",
        "My guesses, best first:\n\n1) **Peru** - in the Andes\n2) **Chad**: in Africa\nI hope it helps.",
        "- Peru\n- peru!\n- Peru: again\n- Chad",
        '["Peru", "Peru", " PERU ", "Chad"]',
        "1、秘鲁\n2、chad",
    ],
)
def test_lists_are_read_as_they_are_written_and_repeats_take_no_place(completion: str) -> None:
    assert grade(completion, "Chad").score == 0.7


def test_the_best_placed_of_several_references_counts() -> None:
    result = grade(LANDS, ["Fiji", "Chad"])
    assert (result.score, result.raw) == (0.7, 2.0)
    assert grade([4.0, 7, True], 7).score == 0.7
    assert grade([4.0], "4").score == 1


def test_an_answer_with_a_colon_of_its_own_is_compared_whole() -> None:
    assert grade("1. Ratio 3:1\n2. Ratio 1:3", "Ratio 3:1").score == 1


@pytest.mark.parametrize("completion", ["", " \n", "[]", "{}", "Peru or Chad", "Chad, Peru", '{"a": 1, "b": ["Peru"]}'])
def test_no_list_or_several_answers_in_one_line_score_0(completion: str) -> None:
    assert grade(completion, "Peru").score == 0


@pytest.mark.parametrize("reference", [None, "", {}, [], "...", float("nan")])
def test_a_reference_that_is_none_is_unscored(reference: object) -> None:
    assert grade(LANDS, reference).score is None
