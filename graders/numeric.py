"""numeric: the final answer of the completion is the number of the reference.

In: a completion; a reference that is a number, a text that holds one (also a worked solution that ends "#### 72"), or a
list of such. Out: 1 when they are equal within the tolerance, else 0 (or `parsed_credit` for a readable wrong number).
The final answer is the number right after the last `####`, else in the last `\\boxed{}`, else after the last "answer
is", "answer:" or "A:", else the last number of the text; so of a list of guesses only one counts.
A percent sign may be there or not: 50% equals 50 and 0.5. Units and currencies are ignored unless `units: same`.
3.5万 is 35000; where the prompt asks in that unit (多少万元, 几折, in millions), 3.5 is meant as well. See
graders/numbers.py.
"""

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from pydantic import Field

from graders.base import Grade, Grader, Sample, unscored
from graders.chinese_numbers import with_discounts, with_single_characters
from graders.numbers import SCALES, WORDS, Number, first_number, last_number, plain
from graders.texts import Mark, accepted_references, marked_answers, short
from graders.units import unit_of, units_agree

_PLACES: dict[Mark, str] = {"####": "after ####", "boxed": "in \\boxed", "answer": 'after "answer"', "A:": 'after "A:"'}
_ROUNDING = 1e-12  # 0.30000000000000004 is 0.3; whole numbers are compared digit by digit
_ASKED = re.compile(r"(?:多少|几)个?([百千]?(?:万亿|[万亿])|折)")
_ASKED_IN = re.compile(r"\b(?:in|many) (thousand|million|billion|trillion)s?\b")
_CALCULATION = re.compile(r"[-+*/×÷]|x\s*[0-9($]|\\(?:times|div|cdot)\b")
_TENTH = Fraction(1, 10)
_BEFORE_NUMBER = re.compile(r"[^\w\n]{0,10}[A-Za-z]?\s?=?\s?")


class Numeric(Grader):
    """Right when the final number of the completion equals the reference's."""

    type: Literal["numeric"] = "numeric"
    abs_tolerance: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="Allowed difference, in the answer's unit."
    )
    rel_tolerance: float = Field(0.0, ge=0, lt=1, description="Allowed difference as a share of the reference.")
    parsed_credit: float = Field(
        0.0, ge=0, lt=1, description="Score of a wrong answer that is a number at all (ReFT, arXiv:2401.08967: 0.1)."
    )
    units: Literal["ignored", "same"] = Field(
        "ignored", description="same: the answer must have the reference's unit, and 50% is 0.5 and never 50."
    )
    discounts: bool = Field(False, description="Read 75折 and 七五折 as 0.75; else they are text and no number.")

    def grade(self, sample: Sample) -> Grade:
        asked = _asked_unit(sample.prompt)
        discounts = self.discounts or asked == _TENTH
        wanted = [
            found[0] for text in accepted_references(sample.reference) if (found := _reference_number(text, discounts))
        ]
        if not wanted:
            return unscored(f"the reference {short(sample.reference)} holds no number")
        found = final_number(sample.completion, discounts)
        if found is None:
            return Grade(0.0, "no number in the completion")
        number, place = found
        shown = " or ".join(reference.text[:60] for reference in wanted[:3])
        if any(self._equal(number, reference, asked) for reference in wanted):
            return Grade(1.0, f"{number.text} ({place}) equals {shown}", extracted=number.text)
        if self.units == "same" and any(self._same_value(number, reference, asked) for reference in wanted):
            return Grade(self.parsed_credit, f"{number.text} ({place}) is not in the unit of {shown}", number.text)
        return Grade(self.parsed_credit, f"{number.text} ({place}) is not {shown}", extracted=number.text)

    def _equal(self, number: Number, reference: Number, asked: Fraction | None) -> bool:
        if not self._same_value(number, reference, asked):
            return False
        if self.units == "ignored" or number.percent or reference.percent:
            return True
        return units_agree(unit_of(number), unit_of(reference))

    def _same_value(self, number: Number, reference: Number, asked: Fraction | None) -> bool:
        if number.percent == reference.percent or self.units == "ignored":
            if self._close(number.value, reference.value):
                return True
            if asked and self._close(_in_unit(number, asked), _in_unit(reference, asked)):
                return True
            if number.percent == reference.percent:
                return False
        return self._close(_as_share(number), _as_share(reference))

    def _close(self, value: Fraction, expected: Fraction) -> bool:
        if value == expected:
            return True
        difference = abs(value - expected)
        share = max(self.rel_tolerance, 0 if difference.denominator == 1 else _ROUNDING)
        if not share and not self.abs_tolerance:
            return False
        return difference <= max(self.abs_tolerance, share * float(abs(expected)))


def _as_share(number: Number) -> Fraction:
    return number.value / 100 if number.percent else number.value


def _asked_unit(prompt: str) -> Fraction | None:
    """10000 where the prompt asks 多少万, a tenth where it asks 几折, 10**6 where it asks how many million."""
    if named := _ASKED_IN.search(prompt) if "llion" in prompt or "thousand" in prompt else None:
        return Fraction(WORDS[named[1]])
    found = None if prompt.isascii() else _ASKED.search(prompt)
    if found is None:
        return None
    return _TENTH if found[1] == "折" else Fraction(math.prod(SCALES[sign] for sign in found[1]))


def _in_unit(number: Number, unit: Fraction) -> Fraction:
    """3.5 for both 3.5万 and a bare 3.5, where the unit is 万."""
    return number.value if number.scale == 1 else number.value / unit


def final_number(text: str, discounts: bool = False) -> tuple[Number, str] | None:
    """The final answer of a text and where it was found; None when there is no number. discounts: read 75折 as 0.75."""
    text = plain(text)
    if discounts:
        text = with_discounts(text)
    for mark, line in marked_answers(text):
        # A heading such as "#### Step 3: ..." is no answer: there the number must follow the mark.
        if mark == "####" and not line[_end_of_prefix(line) :][:1].isdigit():
            continue
        if number := _stated(line, discounts):
            return number, _PLACES[mark]
    number = last_number(text, discounts)
    if number is None and not text.isascii():
        number = last_number(with_single_characters(text), discounts)
    return None if number is None else (number, "last number")


@lru_cache(maxsize=4096)
def _reference_number(text: str, discounts: bool) -> tuple[Number, str] | None:
    """References come back with each completion of a prompt."""
    return final_number(text, discounts)


def _end_of_prefix(line: str) -> int:
    match = _BEFORE_NUMBER.match(line)
    return match.end() if match else 0


def _stated(line: str, discounts: bool) -> Number | None:
    """The number a line states: its first, or, where that begins a calculation ("3 + 4 = 7"), its result."""
    number = first_number(line, discounts)
    if number is None and not line.isascii():
        number = first_number(with_single_characters(line), discounts)
    if number is None:
        return None
    rest = line[number.end :].lstrip()
    if "=" in rest and _CALCULATION.match(rest):
        return first_number(rest[rest.index("=") + 1 :].rsplit("=", 1)[-1], discounts) or number
    return number
