"""pattern: what matches, what is extracted, and that no pattern hangs."""

import time

import pytest

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.pattern import Pattern
from graders.union import parse_grader


def grade(completion: str, reference: object = None, **fields: object) -> Grade:
    return Pattern.model_validate(fields).grade(Sample("Say it.", completion, reference))


def test_found_or_not_found() -> None:
    assert grade("Order AB-1234 is late", pattern=r"[A-Z]{2}-\d{4}").score == 1
    assert grade("Order 1234 is late", pattern=r"[A-Z]{2}-\d{4}").score == 0
    assert grade("As an AI I cannot", pattern="as an ai", must="not match", ignore_case=True).score == 0
    assert grade("Sure.", pattern="as an ai", must="not match", ignore_case=True).score == 1


def test_whole_spans_the_completion_but_for_spaces_at_its_ends() -> None:
    assert grade(" 42\n", pattern=r"\d+", where="whole").score == 1
    assert grade("It is 42", pattern=r"\d+", where="whole").score == 0


def test_the_last_match_is_compared_with_the_reference() -> None:
    fields = {"pattern": r"Answer: (?P<word>\w+)", "compare": "reference", "extract": "word"}
    assert grade("Answer: Lima. No, Answer: Quito", "Quito", **fields).score == 1
    assert grade("Answer: Lima. No, Answer: Quito", "Lima", **fields).score == 0
    assert grade("Answer: quito", "Quito", **fields).score == 0
    assert grade("Answer: quito", ["Lima", "Quito"], ignore_case=True, **fields).score == 1
    assert grade("Answer: Quito", None, **fields).score is None
    assert grade("Answer: Quito", "Quito", **fields).extracted == "Quito"


def test_a_group_that_took_no_part_is_wrong() -> None:
    assert grade("b", "a", pattern="(a)?b", compare="reference", extract=1).score == 0


def test_lines_and_dots() -> None:
    assert grade("one\ntwo", pattern="^two$").score == 0
    assert grade("one\ntwo", pattern="^two$", lines=True).score == 1
    assert grade("one\ntwo", pattern="one.two").score == 0
    assert grade("one\ntwo", pattern="one.two", dot_all=True).score == 1


@pytest.mark.parametrize("compare", ["nothing", "reference"])
@pytest.mark.parametrize(("pattern", "text"), [("(a|aa)+$", "a" * 60 + "b"), ("(x+x+)+y", "x" * 3000)])
def test_a_catastrophic_pattern_leaves_the_sample_unscored(pattern: str, text: str, compare: str) -> None:
    started = time.perf_counter()
    result = grade(text, "5", pattern=pattern, compare=compare)
    assert result.score is None
    assert result.reason == "the search took longer than 0.5 s: simplify the pattern"
    assert time.perf_counter() - started < 5


def test_a_reference_is_needed_only_to_compare() -> None:
    assert not Pattern(pattern="a").needs_reference
    assert Pattern(pattern="a", compare="reference").needs_reference


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"pattern": "(a"}, "the pattern is no regular expression: missing )"),
        ({"pattern": "a", "extract": 1}, "the pattern has no group 1"),
        ({"pattern": "a{999999999}"}, "ten thousand times"),
        ({"pattern": "a", "must": "not match", "compare": "reference"}, "there is nothing to compare"),
        ({"pattern": ""}, "at least 1 character"),
    ],
)
def test_a_faulty_pattern_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as error:
        parse_grader({"type": "pattern"} | fields)
    assert said in str(error.value)
