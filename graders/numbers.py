"""Numbers in text: 1,234.50  -$5  3/4  1 1/2  12%  6.02e23  1.5 x 10^3  2^10  \\frac{3}{4}  3.5万  三百二十.

Values are exact. 1.5 million is one number; the 2 of m^2 is no number.

Limits: no other English number words, no decimal comma; a number of more than 60 digits or an exponent beyond 200 is
none.
Full-width digits and signs are read as plain ones; Chinese numerals as graders/chinese_numbers.py says. 75折, a price
cut to 75 %, is text unless `discounts` asks for it.
"""

import math
import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from graders.chinese_numbers import NOT_A_UNIT, with_digits

_MAX_DIGITS = 60
_MAX_EXPONENT = 200  # with 60 digits still a float

_PLAIN: dict[int, int | str] = {0xFF01 + i: 0x21 + i for i in range(94)}
_PLAIN |= {ord("−"): "-", ord("–"): "-", ord("⁄"): "/", ord("萬"): "万", ord("億"): "亿"}
_PLAIN[ord("，")] = ", "  # between clauses: 是270，250 are two numbers
_FULL_WIDTH_THOUSANDS = re.compile("(?<=[０-９])，(?=[０-９]{3})")
_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_PLAIN |= {ord(char): unicodedata.normalize("NFKC", char).replace("⁄", "/") for char in _VULGAR}
_VULGAR_AFTER_DIGIT = re.compile(rf"(?<=[0-9])(?=[{_VULGAR}])")
_SPACED_THOUSANDS = re.compile(r"(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
_SUPERSCRIPT = re.compile(rf"(?<=[0-9])[{_SUPERSCRIPTS}]+")
_LOWERED = str.maketrans(_SUPERSCRIPTS, "0123456789-")
WORDS = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
SCALES = {"百": 10**2, "千": 10**3, "万": 10**4, "亿": 10**8}
_NUMBER = re.compile(
    rf"""(?<![A-Za-z0-9_^])(?<!\^[-{{])                        # not the 2 of H2O or m^2, nor the tail of a number
    (?:(?<!\))(?P<sign>[-+负]))?                            # in 10-5 and (3)-5 the minus is no sign
    (?:(?:US\$|RM|USD|EUR|GBP|Rs\.?|[$€£¥₹])\s?(?P<inner_sign>-)?)?
    (?P<value>(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)
    (?:[eE](?P<exponent>[+-]?[0-9]{{1,9}})(?![0-9A-Za-z])
      |\s?(?:x|×|\*|\\times|\\cdot)\s?10(?:\^|\*\*)\{{?(?P<power>[+-]?[0-9]{{1,9}})\}}?
      |(?:\^|\*\*)\{{?(?P<to>[+-]?[0-9]{{1,9}})\}}?)?
    (?:/(?P<denominator>[0-9]+)(?![0-9/])|[ ](?P<numerator>[0-9]{{1,4}})/(?P<of>[0-9]{{1,4}})(?![0-9/]))?
    (?:\s?(?P<percent>%|percent\b|per\ cent\b)
      |(?P<discount>折)
      |\s?(?P<word>thousand|million|billion|trillion)\b
      |(?P<scale>[百千]?(?:万亿|[万亿])|[百千](?![{NOT_A_UNIT}])))?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """text: as it stands. value: 12 for "12%", 35000 for "3.5万". start, end: where it stands in the searched text.

    scale: 10000 for "3.5万", 1/10 for "7.5折". after: the 20 characters that follow.
    """

    text: str
    value: Fraction
    percent: bool
    start: int
    end: int
    scale: Fraction | int
    after: str


def plain(text: str) -> str:
    """The text with LaTeX's and full-width ways of writing numbers made plain."""
    if not text.isascii():
        text = _SPACED_THOUSANDS.sub(",", text)
        text = _SUPERSCRIPT.sub(lambda match: "^" + match.group().translate(_LOWERED), text)
        text = _FULL_WIDTH_THOUSANDS.sub(",", _VULGAR_AFTER_DIGIT.sub(" ", text))
        text = with_digits(text.translate(_PLAIN))
    if "\\" in text or "{" in text:
        text = re.sub(r"(?<=[0-9])\\[dt]?frac\{", r" \\frac{", text)
        text = re.sub(r"\\[dt]?frac\{([0-9]{1,60})\}\{([0-9]{1,60})\}", r"\1/\2", text)
        for latex, char in (("{,}", ","), ("\\,", ""), ("\\!", ""), ("\\$", "$"), ("\\%", "%")):
            text = text.replace(latex, char)
    return text


def numbers_in(text: str, discounts: bool = False) -> Iterator[Number]:
    """The numbers of a plain text, in order."""
    return (number for match in _NUMBER.finditer(text) if (number := _number(match, discounts)))


def first_number(text: str, discounts: bool = False) -> Number | None:
    """The first number of a plain text."""
    return next(numbers_in(text, discounts), None)


def last_number(text: str, discounts: bool = False) -> Number | None:
    """The last number of a plain text; among its last 50 at least one must be readable."""
    last = deque(_NUMBER.finditer(text), maxlen=50)
    return next((number for match in reversed(last) if (number := _number(match, discounts))), None)


def _number(match: re.Match[str], discounts: bool) -> Number | None:
    value = _value(match)
    if value is None or (match["discount"] and not discounts):
        return None
    scale = _scale(match, value)
    start, end = match.span()
    return Number(
        text=match.group().strip(),
        value=value * scale if scale != 1 else value,
        percent=bool(match["percent"]),
        start=start,
        end=end,
        scale=scale,
        after=match.string[end : end + 20],
    )


def _scale(match: re.Match[str], value: Fraction) -> Fraction | int:
    """What the sign after the number makes of it; 75折 and 7.5折 are both 0.75."""
    if match["discount"]:
        return Fraction(1, 100 if value > 10 else 10)
    if match["word"]:
        return WORDS[match["word"]]
    return math.prod(map(SCALES.__getitem__, match["scale"])) if match["scale"] else 1


def _value(match: re.Match[str]) -> Fraction | None:
    digits = match["value"]
    if len(digits) > 2 * _MAX_DIGITS:
        return None
    digits = digits.replace(",", "")
    exponent = int(match["exponent"] or match["power"] or 0)
    if len(digits) > _MAX_DIGITS or abs(exponent) > _MAX_EXPONENT:
        return None
    value = Fraction(int(digits)) if digits.isdigit() else Fraction(digits)
    if exponent:
        value *= Fraction(10) ** exponent
    if match["to"]:
        power = int(match["to"])
        if len(digits) * abs(power) > _MAX_EXPONENT or (not value and power < 0):
            return None
        value **= power
    below = match["denominator"] or match["of"]
    if below:
        if len(below) > _MAX_DIGITS or not int(below):
            return None
        if match["of"]:
            part = Fraction(int(match["numerator"]), int(below))
            value = value + part if part < 1 else part  # "1 1/2" is 1.5; in "24 24/2" the fraction stands alone
        else:
            value /= int(below)
    return -value if (match["sign"] in ("-", "负")) != (match["inner_sign"] == "-") else value
