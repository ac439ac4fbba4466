"""Exact arithmetic on the tokens of one side of an equation: precedence, brackets, percentages, remainders.

In: numbers and operators + - * / ^ ( ) in order. Out: a Side with its value as a fraction; None where they are no
expression. Powers beyond 12 are none: they are no step of a calculation, and take for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

_MAX_POWER = 12
_MAX_BITS = 400


@dataclass(frozen=True, slots=True)
class Token:
    """A number with its value, or an operator. places: decimals written, as the number's own step (0.01 for 3.33)."""

    text: str
    value: Fraction | None = None
    step: Fraction = Fraction(0)
    percent: bool = False


_NONE = Token("")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an equation. operands: the numbers in it. num_operators: 0 for a single number."""

    tokens: tuple[Token, ...]
    value: Fraction
    remainder: Fraction | None

    @property
    def operands(self) -> tuple[Fraction, ...]:
        return tuple(token.value for token in self.tokens if token.value is not None)

    @property
    def num_operators(self) -> int:
        return sum(token.text in _BINARY for token in self.tokens[1:])

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


_BINARY = frozenset("+-*/^²³")


def equal(left: Side, right: Side) -> bool:
    """Whether two sides are equal, the single number rounded to its written places, or with its remainder."""
    calculation, result = (right, left) if left.num_operators == 0 else (left, right)
    if result.remainder is not None:
        return _with_remainder(calculation, result)
    difference = abs(calculation.value - result.value)
    if not difference:
        return True
    if result.num_operators:
        return False
    number = result.tokens[-1]
    if number.percent and calculation.value == 100 * result.value:  # 20/80×100 = 25%
        return True
    return number.step < 1 and difference <= number.step / 2


def _with_remainder(calculation: Side, result: Side) -> bool:
    *_, sign, divisor = (_NONE, *calculation.tokens)
    if sign.text != "/" or not divisor.value or result.remainder is None or not 0 <= result.remainder < divisor.value:
        return False
    return calculation.value == result.value + result.remainder / divisor.value


def side_of(tokens: list[Token]) -> Side | None:
    """The side that these tokens are; None when they are no expression."""
    while len(tokens) > 2 and [tokens[-2].text, tokens[-1].text] == ["(", ")"]:  # 200(元)
        tokens = tokens[:-2]
    remainder = None
    if len(tokens) == 3 and tokens[1].text == "…":
        remainder, tokens = tokens[2].value, tokens[:1]
    try:
        value = _Reader(tokens).all()
    except (ValueError, ZeroDivisionError):
        return None
    return Side(tuple(tokens), value, remainder)


class _Reader:
    """Reads an expression by precedence: sums of products of powers. Raises ValueError where it is none."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens, self.place = tokens, 0

    def all(self) -> Fraction:
        value = self.total()
        if self.place < len(self.tokens):
            raise ValueError("more follows")
        return value

    def taken(self, *texts: str) -> str:
        """The next token's text if it is one of these, then passed; else nothing."""
        text = self.tokens[self.place].text if self.place < len(self.tokens) else ""
        if text not in texts:
            return ""
        self.place += 1
        return text

    def total(self) -> Fraction:
        value = self.product()
        while sign := self.taken("+", "-"):
            value += self.product() if sign == "+" else -self.product()
        return value

    def product(self) -> Fraction:
        value = self.power()
        while sign := self.taken("*", "/"):
            value = value * self.power() if sign == "*" else value / self.power()
        return value

    def power(self) -> Fraction:
        negative = self.taken("-")
        value = self.atom()
        exponent = {"²": Fraction(2), "³": Fraction(3), "^": None}.get(sign := self.taken("²", "³", "^"))
        if sign:
            exponent = self.atom() if exponent is None else exponent
            if exponent.denominator != 1 or not 0 <= exponent <= _MAX_POWER:
                raise ValueError("a power that large is no step of a calculation")
            if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
                raise ValueError("a number that long is no step of a calculation")
            value = value ** int(exponent)
        return -value if negative else value

    def atom(self) -> Fraction:
        if self.taken("("):
            value = self.total()
            if not self.taken(")"):
                raise ValueError("a bracket is open")
            return value
        if self.place < len(self.tokens) and (found := self.tokens[self.place].value) is not None:
            self.place += 1
            return found
        raise ValueError("a number is missing")
