"""A guessable version of MAWPS rows: the answer is the equation and then the letter of its last operation.

In: a row (Question, Numbers, Equation, Answer); an equation is in prefix form, so its last operation stands first. Out:
the columns Options ("+ (a) , - (b) , * (c) , / (d)"), Derived ("- number0 number1 (b)") and Letter ("b"). As in MathQA,
of which ReFT (arXiv:2401.08967) reports no gain, a reward of the letter alone also rewards wrong equations: those with
the wrong numbers, and those that pick the letter by luck. There the choices are values; here they are operations, since
a model of this size cannot calculate, nor learn from so few rows to find its equation among five.
"""

from typing import Any

LETTERS = {"+": "a", "-": "b", "*": "c", "/": "d"}
OPTIONS = " , ".join(f"{operation} ({letter})" for operation, letter in LETTERS.items())


def with_choices(row: dict[str, Any]) -> dict[str, Any]:
    """The row with the three columns."""
    letter = LETTERS[row["Equation"].split()[0]]
    return {**row, "Options": OPTIONS, "Derived": f"{row['Equation']} ({letter})", "Letter": letter}
