"""exact_match: what counts as equal."""

import pytest

from graders.base import Grade, Sample
from graders.exact_match import ExactMatch


def grade(completion: str, reference: object, **fields: bool) -> Grade:
    return ExactMatch.model_validate(fields).grade(Sample("Who?", completion, reference))


@pytest.mark.parametrize(
    ("completion", "reference", "fields"),
    [
        (" Lima\n", "lima", {}),
        ("New\n  York", "new york", {}),
        ("Café", "Cafe\u0301", {}),
        ("It's  fine!", "its fine", {"ignore_punctuation": True}),
        ("7", 7, {}),
        ("true", True, {}),
        ("Rome", ["Roma", "Rome"], {}),
    ],
)
def test_equal(completion: str, reference: object, fields: dict[str, bool]) -> None:
    assert grade(completion, reference, **fields).score == 1


@pytest.mark.parametrize(
    ("completion", "reference", "fields"),
    [
        ("lima", "Lima", {"ignore_case": False}),
        ("New  York", "New York", {"ignore_space": False}),
        ("its fine", "it's fine", {}),
        ("The capital is Lima", "Lima", {}),
        ("", "Lima", {}),
        ("Lima " * 1000, "Lima", {}),
    ],
)
def test_not_equal(completion: str, reference: object, fields: dict[str, bool]) -> None:
    assert grade(completion, reference, **fields).score == 0


@pytest.mark.parametrize("reference", [None, "", "  ", float("nan"), [], {"a": 1}])
def test_a_reference_that_is_no_text_is_unscored(reference: object) -> None:
    assert grade("Lima", reference).score is None


def test_the_reason_quotes_both() -> None:
    assert grade("Quito", ["Lima", "Callao"]).reason == "'Quito' is not 'Lima' or 1 others"
