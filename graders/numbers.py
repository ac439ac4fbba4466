"""Numbers in text: 1,234.50  -$5  3/4  1 1/2  12%  6.02e23  1.5 x 10^3  \\frac{3}{4}; exact, as fractions.

Limits: no units, no number words, no decimal comma; a number of more than 60 digits or an exponent beyond 200 is none.
Full-width digits and signs are read as plain ones.
"""

import re
from collections import deque
from dataclasses import dataclass
from fractions import Fraction

_MAX_DIGITS = 60
_MAX_EXPONENT = 200  # with 60 digits still a float

_PLAIN = {0xFF01 + i: 0x21 + i for i in range(94)} | {ord("−"): "-", ord("–"): "-", ord("⁄"): "/"}
_NUMBER = re.compile(
    r"""(?<![A-Za-z0-9_])                                   # not the 2 of H2O, nor the tail of another number
    (?:(?<!\))(?P<sign>[-+]))?                              # in 10-5 and (3)-5 the minus is no sign
    (?:(?:US\$|RM|USD|EUR|GBP|Rs\.?|[$€£¥₹])\s?(?P<inner_sign>-)?)?
    (?P<value>(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)
    (?:[eE](?P<exponent>[+-]?[0-9]{1,9})(?![0-9A-Za-z])
      |\s?(?:x|×|\*|\\times|\\cdot)\s?10(?:\^|\*\*)\{?(?P<power>[+-]?[0-9]{1,9})\}?)?
    (?:/(?P<denominator>[0-9]+)(?![0-9/])|[ ](?P<numerator>[0-9]{1,4})/(?P<of>[0-9]{1,4})(?![0-9/]))?
    (?:\s?(?P<percent>%|percent\b|per\ cent\b))?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """text: as it stands. value: 12 for "12%". start, end: where it stands in the searched text."""

    text: str
    value: Fraction
    percent: bool
    start: int
    end: int


def plain(text: str) -> str:
    """The text with LaTeX's and full-width ways of writing numbers made plain."""
    if not text.isascii():
        text = text.translate(_PLAIN)
    if "\\" in text or "{" in text:
        text = re.sub(r"(?<=[0-9])\\[dt]?frac\{", r" \\frac{", text)
        text = re.sub(r"\\[dt]?frac\{([0-9]{1,60})\}\{([0-9]{1,60})\}", r"\1/\2", text)
        for latex, char in (("{,}", ","), ("\\,", ""), ("\\!", ""), ("\\$", "$"), ("\\%", "%")):
            text = text.replace(latex, char)
    return text


def first_number(text: str) -> Number | None:
    """The first number of a plain text."""
    return next((number for match in _NUMBER.finditer(text) if (number := _number(match))), None)


def last_number(text: str) -> Number | None:
    """The last number of a plain text; among its last 50 at least one must be readable."""
    last = deque(_NUMBER.finditer(text), maxlen=50)
    return next((number for match in reversed(last) if (number := _number(match))), None)


def _number(match: re.Match[str]) -> Number | None:
    value = _value(match)
    if value is None:
        return None
    return Number(match.group().strip(), value, bool(match["percent"]), match.start(), match.end())


def _value(match: re.Match[str]) -> Fraction | None:
    digits = match["value"].replace(",", "")
    exponent = int(match["exponent"] or match["power"] or 0)
    if len(digits) > _MAX_DIGITS or abs(exponent) > _MAX_EXPONENT:
        return None
    value = Fraction(int(digits)) if digits.isdigit() else Fraction(digits)
    if exponent:
        value *= Fraction(10) ** exponent
    below = match["denominator"] or match["of"] or "1"
    if len(below) > _MAX_DIGITS or not int(below):
        return None
    if match["of"]:
        part = Fraction(int(match["numerator"]), int(below))
        value = value + part if part < 1 else part  # "1 1/2" is 1.5; in "24 24/2" the fraction stands alone
    else:
        value /= int(below)
    return -value if (match["sign"] == "-") != (match["inner_sign"] == "-") else value
