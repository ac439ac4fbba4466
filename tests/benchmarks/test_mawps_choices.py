"""Five choices to a row of MAWPS: one is right, and nothing but its value tells which."""

from collections import Counter
from itertools import permutations
from random import Random
from typing import Any

import pytest
from rapidfuzz.distance import Levenshtein

from benchmarks.mawps.choices import LETTERS, with_choices
from benchmarks.mawps.grade import value

SHAPES = ["{o} {a} {b}", "{o} {p} {a} {b} {c}", "{o} {a} {p} {b} {c}"]
NUM_ROWS = 300


def made_rows() -> list[dict[str, Any]]:
    """Rows in MAWPS' form: two or three numbers in a question, an equation of one or two operations over them."""
    draw = Random(0)
    rows = []
    while len(rows) < NUM_ROWS:
        a, b, c = draw.sample(["number0", "number1", "number2"], 3)
        equation = draw.choice(SHAPES).format(o=draw.choice("+-*/"), p=draw.choice("+-*/"), a=a, b=b, c=c)
        numbers = [float(draw.randint(2, 60)) for _ in range(3)]
        reached = value(equation.split(), numbers)
        if reached is not None:
            question = f"Case {len(rows)} : there are number0 , number1 and number2 ."
            listed = " ".join(map(str, numbers))
            rows.append({"Question": question, "Numbers": listed, "Equation": equation, "Answer": str(reached)})
    return rows


@pytest.fixture(scope="module")
def chosen() -> list[tuple[dict[str, Any], list[str]]]:
    """Rows with choices, and the five equations of each in their order."""
    rows = [with_choices(row) for row in made_rows()]
    return [
        (row, [option.removesuffix(f" ({name})") for option, name in zip(_listed(row), LETTERS, strict=True)])
        for row in rows
    ]


def _listed(row: dict[str, Any]) -> list[str]:
    return list(row["Options"].split(" , "))


def test_of_five_different_equations_one_has_the_right_value_and_its_letter_is_the_answer(
    chosen: list[tuple[dict[str, Any], list[str]]],
) -> None:
    for row, options in chosen:
        numbers = [float(number) for number in row["Numbers"].split()]
        values = [value(option.split(), numbers) for option in options]
        assert None not in values, "each is an equation"
        assert len(set(options)) == len(LETTERS)
        right = [abs(reached - float(row["Answer"])) <= 0.01 for reached in values if reached is not None]
        assert right == [letter == row["Letter"] for letter in LETTERS]
        assert row["Derived"] == f"{row['Equation']} ({row['Letter']})" in _listed(row)


def test_every_letter_is_right_as_often_as_another(chosen: list[tuple[dict[str, Any], list[str]]]) -> None:
    letters = Counter(row["Letter"] for row, _ in chosen)
    assert set(letters) == set(LETTERS)
    assert max(letters.values()) < 0.28 * NUM_ROWS, "a fifth and 3.5 standard errors"


def test_the_choice_most_like_the_others_is_right_no_more_often_than_chance(
    chosen: list[tuple[dict[str, Any], list[str]]],
) -> None:
    """Who picks it, and draws among equals, must not be paid: MathQA's flaw would be a worse one here."""
    expected = 0.0
    for row, options in chosen:
        away = [_distance_to_all(option, options) for option in options]
        middle = [option for option, distance in zip(options, away, strict=True) if distance == min(away)]
        expected += middle.count(row["Equation"]) / len(middle)
    assert 0.05 < expected / NUM_ROWS < 0.27, "a fifth and 3 standard errors at most; and not never, which also tells"


def _distance_to_all(option: str, options: list[str]) -> int:
    return sum(Levenshtein.distance(option.split(), other.split()) for other in options)


def test_the_choices_hang_on_the_row_alone() -> None:
    rows = made_rows()[:20]
    forwards = [with_choices(row) for row in rows]
    backwards = [with_choices(row) for row in reversed(rows)]
    assert forwards == backwards[::-1]
    asked_otherwise = [with_choices({**row, "Question": row["Question"] + " why ?"}) for row in rows]
    assert sum(a["Options"] != b["Options"] for a, b in zip(forwards, asked_otherwise, strict=True)) > 15


@pytest.mark.parametrize(
    ("equation", "reached"),
    [
        ("- number0 + number1 2.0", 4.0),
        ("/ number0 number2", None),
        ("+ number0", None),
        ("number0 number1", None),
        ("+ number0 number7", None),
        ("+ number0 apples", None),
        ("", None),
    ],
)
def test_a_prefix_equation_has_its_value_or_none(equation: str, reached: float | None) -> None:
    assert value(equation.split(), [9.0, 3.0, 0.0]) == reached


def test_order_matters_where_it_does() -> None:
    values = {value(["-", *order], [9.0, 3.0]) for order in permutations(["number0", "number1"])}
    assert values == {6.0, -6.0}
