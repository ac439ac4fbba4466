"""Grades a prefix equation such as "- number0 + number1 2.0" by its value. The plans name these functions.

In: `grade(sample, item)` as OpenAI's python grader has it; the row's columns Numbers ("8.0 2.0") and Answer ("6").
Out: 1 where the equation's value is the answer within 0.01 (ReFT's tolerance, arXiv:2401.08967), else 0; `partial`
gives 0.1 to an equation that has a value, but a wrong one (ReFT's partial reward).
"""

from typing import Any

_OPERATIONS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}


def exact(sample: dict[str, Any], item: dict[str, Any]) -> float:
    """1 or 0."""
    return float(_score(sample, item) == 1.0)


def partial(sample: dict[str, Any], item: dict[str, Any]) -> float:
    """1, 0.1 or 0."""
    return _score(sample, item)


def _score(sample: dict[str, Any], item: dict[str, Any]) -> float:
    numbers = [float(number) for number in item["Numbers"].split()]
    found = value(sample["output_text"].split(), numbers)
    if found is None:
        return 0.0
    return 1.0 if abs(found - float(item["Answer"])) <= 0.01 else 0.1


def value(tokens: list[str], numbers: list[float]) -> float | None:
    """What a prefix equation comes to; None where it is none, or divides by zero."""
    stack: list[float] = []
    for token in reversed(tokens):
        try:
            if token in _OPERATIONS:
                stack.append(_OPERATIONS[token](stack.pop(), stack.pop()))
            elif token.startswith("number"):
                stack.append(numbers[int(token.removeprefix("number"))])
            else:
                stack.append(float(token))
        except (IndexError, ValueError, ZeroDivisionError, OverflowError):
            return None
    return stack[0] if len(stack) == 1 and abs(stack[0]) < 1e12 else None
