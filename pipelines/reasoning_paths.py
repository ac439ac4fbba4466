"""Whether two right answers are two ways of reasoning, or one way written twice. Pure.

In: an answer's text. Out: its normal form, equal for answers that reason alike: the list of its equations (Yuan et al.
2023, arXiv 2308.01825), the syntax tree of its code, or its text without case and white space. Which of the three is
told by the grader: who grades a number does not read the words around the calculation, who runs code does not read its
comments. Limits: equations with variables are passed over, as graders/equations.py does.
"""

import ast
from collections.abc import Iterable, Sequence
from typing import Literal

from graders.arithmetic import Side
from graders.base import Grader
from graders.code_tests import CodeTests, code_of
from graders.equations import chains, false_signs
from graders.math import Math
from graders.multi import Multi
from graders.numeric import Numeric
from graders.steps import Steps

Form = Literal["equations", "code", "text"]

_MOST_CODE = 50_000
"""Longer code is compared as text."""
_READABLE = 0.95


def form_of(grader: Grader, demonstrations: Sequence[str]) -> Form:
    """The form in which answers under this grader are compared."""
    if isinstance(grader, Multi):
        forms = [form_of(part, demonstrations) for part in grader.graders.values()]
        return next((form for form in forms if form != "text"), "text")
    if isinstance(grader, CodeTests) or (demonstrations and all(map(_is_program, demonstrations))):
        return "code"
    return "equations" if isinstance(grader, Numeric | Math | Steps) else "text"


def path_of(text: str, form: Form) -> str:
    """The normal form. An answer without equations, or whose code is no Python, is compared as text."""
    if form == "equations" and (equations := ["=".join(map(_normal_side, sides)) for sides in chains(text)]):
        return "|".join(equations)
    if form == "code" and (tree := _tree(code_of(text))) is not None:
        return ast.dump(tree)
    return " ".join(text.lower().split())


def writes_equations(text: str) -> bool:
    """Whether there is any calculation in it that can be checked."""
    return next(iter(chains(text)), None) is not None


def false_equation(text: str) -> str:
    """The first equation that does not hold; "" where all that can be checked do."""
    return next(iter(false_signs(chains(text))), "")


def checks_equations(form: Form, demonstrations: Iterable[str]) -> bool:
    """Whether a false equation is held against an answer: where the rows' own are nearly all read as true ones.

    Where they are not, their writer rounds or abbreviates in ways that the checker does not know.
    """
    if form != "equations":
        return False
    faults = [bool(false_equation(text)) for text in demonstrations if writes_equations(text)]
    return sum(faults) <= (1 - _READABLE) * len(faults)


def _normal_side(side: Side) -> str:
    """3+4 and 4+3 are one; so are 1,000 and 1000."""
    operators = {token.text for token in side.tokens if token.value is None}
    numbers = [str(token.value) for token in side.tokens if token.value is not None]
    if operators in ({"+"}, {"*"}):
        return operators.pop().join(sorted(numbers))
    return "".join(token.text if token.value is None else str(token.value) for token in side.tokens)


def _is_program(text: str) -> bool:
    """Python that does something: a bare word or number is Python too."""
    tree = _tree(code_of(text))
    return tree is not None and any(not isinstance(statement, ast.Expr) for statement in tree.body)


def _tree(code: str) -> ast.Module | None:
    try:
        return ast.parse(code) if len(code) <= _MOST_CODE else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
