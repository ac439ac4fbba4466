"""OpenAI's `calculate_output`: a formula over the values of graders, such as `0.5 * text + 0.5 * min(label, 1)`.

In: the text, and a number for each name in it. Out: a number, always a finite one. There are + - * / ^ (power; ** too),
parentheses, numbers, names, and min max abs floor ceil exp sqrt log (the natural one). Power binds tighter than a sign
before it and goes from right to left, as in mathematics: -2^2 is -4, 2^3^2 is 2^9, 2^-1 is 0.5.
Everything is a float, so no exponent takes long. Source: the guide "Graders" of OpenAI's API (2026-08), multi graders.
Limits: 10,000 characters, nested 50 deep. A name is a letter or _, then letters, digits and _.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_MAX_CHARS = 10_000
_MAX_DEPTH = 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d]\w*)|(?P<sign>\*\*|[-+*/^(),]))"
)

Value = Callable[[Mapping[str, float]], float]


class FormulaError(ValueError):
    """The formula cannot be read, or has no value for these numbers."""


@dataclass(frozen=True, slots=True)
class Formula:
    """names: what it reads, in order, once each."""

    names: tuple[str, ...]
    _value: Value

    def value(self, values: Mapping[str, float]) -> float:
        """The result. Raises FormulaError where it has none: division by zero, overflow, the root of -1."""
        return self._value(values)


@lru_cache(maxsize=256)
def parse_formula(text: str) -> Formula:
    """Raises FormulaError that says where the text stops to make sense."""
    if len(text) > _MAX_CHARS:
        raise FormulaError(f"the formula is longer than {_MAX_CHARS:,} characters")
    parser = _Parser(text)
    value = parser.sum()
    if parser.kind != "end":
        raise parser.error("an operator")
    return Formula(tuple(dict.fromkeys(parser.names)), value)


class _Parser:
    """Recursive descent. `kind` and `token` are the next token: number, name, a sign itself, or end."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.start, self.depth = text, 0, 0, 0
        self.names: list[str] = []
        self.kind, self.token = "", ""
        self._advance()

    def _advance(self) -> str:
        """Steps to the next token and returns the one before."""
        before = self.token
        match = _TOKEN.match(self.text, self.place)
        if match is None:
            self.start = len(self.text) - len(self.text[self.place :].lstrip())
            if self.start < len(self.text):
                raise self.error("a number, a name or one of + - * / ^ ( ) ,")
            self.kind, self.token = "end", ""
            return before
        kind = str(match.lastgroup)
        self.start, self.place, self.token = match.start(kind), match.end(), match[kind]
        self.kind = kind if kind != "sign" else "^" if self.token == "**" else self.token
        return before

    def error(self, expected: str) -> FormulaError:
        shown = self.text[self.start : self.start + 20]
        found = f"{shown!r} stands at character {self.start + 1}" if shown else "the formula ends"
        return FormulaError(f"{found} where {expected} is expected")

    def sum(self) -> Value:
        return self._chain(self._product, ("+", "-"))

    def _product(self) -> Value:
        return self._chain(self._signed, ("*", "/"))

    def _chain(self, part: Callable[[], Value], signs: tuple[str, ...]) -> Value:
        """Parts with signs between them, worked off from the left; a loop, since formulas may be long."""
        first, rest = part(), []
        while self.kind in signs:
            rest.append((self._advance(), part()))

        def value(values: Mapping[str, float]) -> float:
            result = first(values)
            for sign, operand in rest:
                result = _computed(_OPERATORS[sign], [result, operand(values)])
            return result

        return value if rest else first

    def _signed(self) -> Value:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise FormulaError(f"the formula is nested deeper than {_MAX_DEPTH} levels")
        if self.kind in ("-", "+"):
            minus = self._advance() == "-"
            value = self._signed()
            value = _operation(lambda x: -x, [value]) if minus else value
        else:
            value = self._atom()
            if self.kind == "^":
                self._advance()
                value = _operation(_OPERATORS["^"], [value, self._signed()])
        self.depth -= 1
        return value

    def _atom(self) -> Value:
        if self.kind == "number":
            number = float(self._advance())
            if math.isinf(number):
                raise FormulaError("a number is too large")
            return lambda _: number
        if self.kind == "name":
            name = self._advance()
            if self.kind == "(":
                return self._call(name)
            self.names.append(name)
            return lambda values: values[name]
        if self.kind == "(":
            self._advance()
            value = self.sum()
            self._close()
            return value
        raise self.error("a number, a name or (")

    def _call(self, name: str) -> Value:
        if name not in _FUNCTIONS:
            raise FormulaError(f"there is no function {name!r}; there are {', '.join(_FUNCTIONS)}")
        self._advance()
        arguments = [self.sum()]
        while self.kind == ",":
            self._advance()
            arguments.append(self.sum())
        self._close()
        if len(arguments) > 1 and name not in ("min", "max"):
            raise FormulaError(f"{name} takes one value, not {len(arguments)}")
        return _operation(_FUNCTIONS[name], arguments)

    def _close(self) -> None:
        if self.kind != ")":
            raise self.error(")")
        self._advance()


def _operation(compute: Callable[..., float], parts: Sequence[Value]) -> Value:
    return lambda values: _computed(compute, [part(values) for part in parts])


def _computed(compute: Callable[..., float], operands: Sequence[float]) -> float:
    """A finite number; whatever else comes of it is a FormulaError."""
    try:
        result = compute(*operands)
    except ZeroDivisionError:
        raise FormulaError("division by zero") from None
    except OverflowError:
        raise FormulaError("a value is too large") from None
    except ValueError:  # math.log and math.sqrt
        shown = ", ".join(f"{operand:g}" for operand in operands)
        raise FormulaError(f"there is no {compute.__name__} of {shown}") from None
    if isinstance(result, complex):
        raise FormulaError(f"{operands[0]:g} to the power of {operands[1]:g} is no real number")
    if not math.isfinite(result):
        raise FormulaError("a value is too large")
    return float(result)


_OPERATORS: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": lambda *operands: min(operands),
    "max": lambda *operands: max(operands),
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
