"""The guessable version of MAWPS: the letter follows from the last operation, and many a wrong equation has it."""

import pytest

from benchmarks.mawps.choices import LETTERS, with_choices
from benchmarks.mawps.grade import value
from graders.base import Sample
from graders.choice import Choice

ROW = {"Question": "How many are left ?", "Numbers": "8.0 3.0 2.0", "Equation": "- number0 number1", "Answer": "5.0"}


@pytest.mark.parametrize(("operation", "letter"), LETTERS.items())
def test_the_letter_is_that_of_the_last_operation(operation, letter):
    row = with_choices({**ROW, "Equation": f"{operation} + number0 number1 number2"})
    assert row["Letter"] == letter
    assert row["Derived"] == f"{operation} + number0 number1 number2 ({letter})"
    assert f"{operation} ({letter})" in row["Options"]


def test_a_wrong_equation_with_the_right_letter_is_rewarded():
    grader = Choice(type="choice", choices=tuple(LETTERS.values()))
    row = with_choices(ROW)
    wrong = "- number0 number2 (b)"
    assert value(wrong.split()[:3], [8.0, 3.0, 2.0]) != float(row["Answer"])
    for answer, score in ((row["Derived"], 1.0), (wrong, 1.0), ("+ number0 number1 (a)", 0.0)):
        sample = Sample(prompt=row["Question"], completion=answer, reference=row["Letter"])
        assert grader.grade(sample).score == score
