"""penalty: factors for length, repetition and copying."""

import pytest
from pydantic import ValidationError

from graders.base import Grade, Sample
from graders.penalty import Penalty, copied_share, repeated_share
from graders.words import words


def grade(completion: str, prompt: str = "Tell me.", **fields: object) -> Grade:
    return Penalty.model_validate(fields).grade(Sample(prompt, completion))


@pytest.mark.parametrize(("length", "factor"), [(0, 1), (10, 1), (15, 0.5), (20, 0), (1000, 0)])
def test_length_is_free_then_falls_evenly(length: int, factor: float) -> None:
    assert grade("word " * length, free=10, most=20).score == factor
    assert grade("字" * length, free=10, most=20).score == factor
    assert grade("x" * length, free=10, most=20, count="characters").score == factor


def test_repetition_is_the_share_of_n_grams_seen_before() -> None:
    assert repeated_share(words("a b a b a b"), 2) == pytest.approx(3 / 5)
    assert repeated_share(words("a b"), 3) == 0
    assert grade("I see. " * 50, repetition=2).score == pytest.approx((2 / 99) / 0.75)
    assert grade("no word stands here twice", repetition=1).score == 1
    assert grade("The cat sat. the cat sat.", repetition=3, free_share=0).score == pytest.approx(3 / 4)


def test_copying_is_the_share_of_words_in_runs_from_the_prompt() -> None:
    prompt = words("the quick brown fox jumps over the dog")
    spoken = words("he said the quick brown fox ran over the dog")
    assert copied_share(spoken, prompt, 3) == pytest.approx(0.7)
    assert copied_share(spoken, prompt, 5) == 0
    assert copied_share(prompt, prompt, 3) == 1
    assert grade("Why is the sky blue today", "Why is the sky blue today", copying=4).score == 0
    assert grade("Because light is scattered", "Why is the sky blue today", copying=4).score == 1


def test_factors_are_multiplied_and_told_apart() -> None:
    result = grade("a a a a a a", free=3, most=9, repetition=1, free_share=0)
    assert result.parts == {"length": 0.5, "repetition": pytest.approx(1 / 6)}
    assert result.score == pytest.approx(1 / 12)
    assert result.reason == "6 words; 83% of the 1-grams are repeated"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "nothing is penalised"),
        ({"free": 5}, "belong together"),
        ({"free": 5, "most": 5}, "must be less than most"),
        ({"repetition": 0}, "greater than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Penalty.model_validate(fields)
