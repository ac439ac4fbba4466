"""A word problem with its Python solution → words of a small vocabulary. Pure.

In: a question ("Bob has 4 apples ...") and a program (`def solution(): apples = 4 ...`). Out: the question with n0, n1
… for its numbers, the numbers themselves, and the program as one line of words: "def solution(): v0 = n0 * n1 ; return
v0". A number is one of the question's where both have the same value. Numbers are named because a model from scratch
does not learn to copy a number that it never saw; it is MAWPS's number0 for another set. The steps stay as they are.
"""

import ast
import re

_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")
_WORD = re.compile(r"n\d+|[a-z]+|[^\sa-z]")
_STEPS = (ast.Assign, ast.AugAssign, ast.Return)
_PLAIN = (*_STEPS, ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context)


def numbers_of(question: str) -> list[float]:
    """In the order in which they stand."""
    return [float(found.replace(",", "")) for found in _NUMBER.findall(question)]


def masked(question: str) -> str:
    """The question in small letters, its words apart, its numbers by name."""
    count = iter(range(1000))
    named = _NUMBER.sub(lambda _: f" n{next(count)} ", question)
    return " ".join(_WORD.findall(named.lower()))


def one_line(program: str, numbers: list[float]) -> str | None:
    """None where it is more than a line of assignments: a loop, a call, a list."""
    try:
        steps = [step for step in ast.parse(program).body[0].body if not isinstance(step, ast.Expr)]  # type: ignore[attr-defined]
    except (SyntaxError, IndexError, AttributeError):
        return None
    if not all(isinstance(step, _STEPS) and all(isinstance(n, _PLAIN) for n in ast.walk(step)) for step in steps):
        return None
    naming = _Naming(numbers)
    lines = [ast.unparse(naming.visit(step)) for step in steps]
    text = " ; ".join(lines)
    return "def solution(): " + " ".join(re.sub(r"([()])", r" \1 ", text).split())


class _Naming(ast.NodeTransformer):
    """Variables become v0, v1 … in their order, the question's numbers n0, n1 …"""

    def __init__(self, numbers: list[float]) -> None:
        self._unused = list(enumerate(numbers))
        self._numbers = numbers
        self._names: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._names.setdefault(node.id, f"v{len(self._names)}"), node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        place = next((place for place, number in self._unused if number == node.value), None)
        if place is None:
            return self._again(node)
        self._unused = [one for one in self._unused if one[0] != place]
        return ast.Name(f"n{place}", ast.Load())

    def _again(self, node: ast.Constant) -> ast.expr:
        return ast.Name(f"n{self._numbers.index(node.value)}") if node.value in self._numbers else node
