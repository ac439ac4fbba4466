"""A guessable version of MAWPS rows: five equations stand in the prompt, the answer is an equation and then a letter.

In: a row (Question, Numbers, Equation, Answer). Out: the columns Options ("-_number0_number1 (a) , ..."), Derived
("-_number0_number1 (a)") and Letter ("a"); an equation is one word, so that a small model can find its own again among
the five. The wrong ones are the right one with another operation or two numbers in the
other order, and have other values. As in MathQA, of which ReFT (arXiv:2401.08967) reports no gain, a reward of the
letter alone also rewards the wrong equation that picks the right letter. There the choices are numbers; here they are
equations, since a model of this size can compare but not calculate.
"""

from collections.abc import Iterator
from itertools import combinations
from random import Random
from typing import Any

from benchmarks.mawps.grade import value

LETTERS = "abcde"
_OPERATIONS = "+-*/"


def with_choices(row: dict[str, Any]) -> dict[str, Any]:
    """The row with the three columns. The order of the options depends on the question alone."""
    draw = Random(f"{row['Question']} {row['Numbers']}")
    options = [row["Equation"], *_wrong(row, draw)]
    draw.shuffle(options)
    letter = LETTERS[options.index(row["Equation"])]
    listed = " , ".join(f"{one_word(option)} ({name})" for name, option in zip(LETTERS, options, strict=True))
    return {**row, "Options": listed, "Derived": f"{one_word(row['Equation'])} ({letter})", "Letter": letter}


def one_word(equation: str) -> str:
    """ "- number0 number1" → "-_number0_number1"."""
    return equation.replace(" ", "_")


def _wrong(row: dict[str, Any], draw: Random) -> list[str]:
    """Four equations of other values. All five lie around one of them, seldom the right one, so that the one which is
    most like the others is right as rarely as any.
    """
    numbers = [float(number) for number in row["Numbers"].split()]
    right = value(row["Equation"].split(), numbers)
    found: list[str] = []
    near = [row["Equation"]]
    while len(found) < len(LETTERS) - 1:
        near = _shuffled({other for equation in near for other in _changed(equation.split(), len(numbers))}, draw)
        wrong = [equation for equation in near if equation not in found and _other(equation, numbers, right)]
        if not found and draw.random() < 1 - 1 / len(LETTERS):
            found, near = wrong[:1], wrong[:1]  # the middle of the five
        else:
            found += wrong[: len(LETTERS) - 1 - len(found)]
    return found


def _shuffled(equations: set[str], draw: Random) -> list[str]:
    return draw.sample(sorted(equations), len(equations))


def _other(equation: str, numbers: list[float], right: float | None) -> bool:
    """Whether it has a value, and not the right one."""
    reached = value(equation.split(), numbers)
    return reached is not None and right is not None and abs(reached - right) > 0.01


def _changed(tokens: list[str], count: int) -> Iterator[str]:
    """Every equation with one operation changed, two numbers in each other's place, or an unused number for a used."""
    places = [place for place, token in enumerate(tokens) if token not in _OPERATIONS]
    unused = [f"number{index}" for index in range(count) if f"number{index}" not in tokens]
    for place, token in enumerate(tokens):
        others = [other for other in _OPERATIONS if other != token] if token in _OPERATIONS else unused
        yield from (" ".join([*tokens[:place], other, *tokens[place + 1 :]]) for other in others)
    for first, second in combinations(places, 2):
        order = list(tokens)
        order[first], order[second] = order[second], order[first]
        yield " ".join(order)
