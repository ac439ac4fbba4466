"""choice: what commits to a choice, and what only names it."""

import pytest
from pydantic import ValidationError

from graders.base import Grade, Sample
from graders.choice import Choice

ABC = ("A", "B", "C")
SPAM = ("spam", "not spam", "unsure")


def grade(completion: str, reference: object, choices: tuple[str, ...] | None = ABC, where: str = "final") -> Grade:
    return Choice.model_validate({"choices": choices, "where": where}).grade(Sample("Which?", completion, reference))


@pytest.mark.parametrize(
    "completion",
    [
        "B",
        "b",
        "(B)",
        "**B**",
        "B.",
        "The answer is B.",
        "Answer: B",
        "Answer:\n\nB",
        "A is too small and C too big.\nB",
        "A is too small, so the answer is B.",
        "A: too small. C: too big.\n#### B",
        r"Neither A nor C, so \boxed{B}",
        "It must be B",
        "I think it is (b)",
        "A good reason points to B",
        "The answer is not A but B",
        "The answer is B because it fits.",
    ],
)
def test_commits_to_b(completion: str) -> None:
    assert grade(completion, "B").score == 1
    assert grade(completion, "C").score == 0


@pytest.mark.parametrize("reference", ABC)
@pytest.mark.parametrize(
    "completion",
    [
        "A or B or C",
        "A, B, C",
        "A\nB\nC",
        "Answer: A or B or C",
        "Answer: A\nAnswer: B\nAnswer: C",
        r"\boxed{A, B, C}",
        "#### A B C",
        "It is A. Or B. Or C.",
        "",
        "none of them",
        "I'd say so",
    ],
)
def test_naming_several_or_none_scores_0(completion: str, reference: str) -> None:
    assert grade(completion, reference).score == 0


def test_a_longer_label_is_not_read_as_the_shorter_one_inside_it() -> None:
    assert grade("This is not spam.", "not spam", SPAM).score == 1
    assert grade("This is not spam.", "spam", SPAM).score == 0
    assert grade("This is spammy.", "spam", SPAM).score == 0
    assert grade("Clearly SPAM", "spam", SPAM).score == 1


def test_labels_keep_their_own_punctuation_and_scripts() -> None:
    labels = ("reverted_card_payment?", "card_arrival")
    assert grade("The answer is reverted_card_payment?", "reverted_card_payment?", labels).score == 1
    assert grade("我认为答案是正面。", "正面", ("正面", "负面")).score == 1
    assert grade("正面或负面", "正面", ("正面", "负面")).score == 0


def test_whole_takes_the_choice_and_nothing_else() -> None:
    assert grade(" b. ", "B", where="whole").score == 1
    assert grade("The answer is B", "B", where="whole").score == 0


def test_without_choices_only_a_whole_answer_counts() -> None:
    assert grade("B", "B", None).score == 1
    assert grade("The answer is B", "B", None).score == 0
    assert grade("A or B", "B", None).score == 0


def test_choices_are_read_from_the_references() -> None:
    assert Choice().fitted(["b", "A", "a", "B", "A", "b"]).choices == ("A", "b")
    assert Choice(choices=ABC).fitted(["x", "y", "x", "y"]).choices == ABC


def test_references_that_are_no_labels_give_no_choices() -> None:
    assert Choice().fitted([f"text {i}" for i in range(10)]).choices is None
    assert Choice().fitted(["same", "same", "same"]).choices is None


def test_a_worked_reference_and_a_list_of_accepted_ones_are_understood() -> None:
    assert grade("B", "A is small, so the answer is B.").score == 1
    assert grade("B", ["A", "B"]).score == 1


@pytest.mark.parametrize("reference", ["E", None, "", "A or B"])
def test_a_reference_that_is_none_of_the_choices_is_unscored(reference: object) -> None:
    assert grade("A", reference).score is None


@pytest.mark.parametrize("choices", [("A",), ("A", "a"), ("A", " ")])
def test_choices_must_differ(choices: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="two or more choices"):
        Choice(choices=choices)


@pytest.mark.parametrize(
    ("completion", "score"),
    [
        ("The answer is B because A is wrong", 1),
        ("The answer is B, since A has no data and C no date.", 1),
        ("Let me think. A is wrong. Therefore B.", 1),
        ("A is wrong, C isn't right, D is not it; so B.", 1),
        ("B\n\nExplanation: A is wrong because it is false.", 1),
        ("A项错误，C错误，应选B", 1),
        ("答案是B，因为A没有数据", 1),
        ("Ｂ", 1),
        ("The answer is A or B because C is wrong", 0),
        ("The answer is A because B is wrong", 0),
        ("B is wrong", 0),
        ("A because B. B because A.", 0),
    ],
)
def test_choices_that_are_called_wrong_or_stand_in_a_reason_are_not_named(completion: str, score: float) -> None:
    assert Choice(choices=("A", "B", "C", "D")).grade(Sample("", completion, "B")).score == score
