"""numeric: the final answer of the completion is the number of the reference.

In: a completion; a reference that is a number, a text that holds one (also a worked solution that ends "#### 72"), or a
list of such. Out: 1 when they are equal within the tolerance, else 0 (or `parsed_credit` for a readable wrong number).
The final answer is the number right after the last `####`, else in the last `\\boxed{}`, else after the last "answer
is", "answer:" or "A:", else the last number of the text; so of a list of guesses only one counts.
A percent sign may be there or not: 50% equals 50 and 0.5. Units and currencies are ignored. See graders/numbers.py.
"""

import re
from typing import Literal

from pydantic import Field

from graders.base import Grade, Grader, Sample, unscored
from graders.numbers import Number, first_number, last_number, plain
from graders.texts import Mark, accepted_references, marked_answers, short

_PLACES: dict[Mark, str] = {"####": "after ####", "boxed": "in \\boxed", "answer": 'after "answer"', "A:": 'after "A:"'}
_ROUNDING = 1e-12  # 0.30000000000000004 is 0.3; whole numbers are compared digit by digit
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

    def grade(self, sample: Sample) -> Grade:
        wanted = [found[0] for text in accepted_references(sample.reference) if (found := final_number(text))]
        if not wanted:
            return unscored(f"the reference {short(sample.reference)} holds no number")
        found = final_number(sample.completion)
        if found is None:
            return Grade(0.0, "no number in the completion")
        number, place = found
        shown = " or ".join(reference.text[:60] for reference in wanted[:3])
        if any(self._equal(number, reference) for reference in wanted):
            return Grade(1.0, f"{number.text} ({place}) equals {shown}", extracted=number.text)
        return Grade(self.parsed_credit, f"{number.text} ({place}) is not {shown}", extracted=number.text)

    def _equal(self, number: Number, reference: Number) -> bool:
        if self._close(number, reference, 1, 1):
            return True
        if number.percent == reference.percent:
            return False
        return self._close(number, reference, 100 if number.percent else 1, 100 if reference.percent else 1)

    def _close(self, number: Number, reference: Number, number_over: int, reference_over: int) -> bool:
        expected = reference.value / reference_over
        difference = abs(number.value / number_over - expected)
        if not difference:
            return True
        rounding = 0 if difference.denominator == 1 else _ROUNDING
        return difference <= max(self.abs_tolerance, max(self.rel_tolerance, rounding) * float(abs(expected)))


def final_number(text: str) -> tuple[Number, str] | None:
    """The final answer of a text and where it was found; None when there is no number."""
    text = plain(text)
    for mark, line in marked_answers(text):
        # A heading such as "#### Step 3: ..." is no answer: there the number must follow the mark.
        if mark == "####" and not line[_end_of_prefix(line) :][:1].isdigit():
            continue
        if number := _stated(line):
            return number, _PLACES[mark]
    number = last_number(text)
    return None if number is None else (number, "last number")


def _end_of_prefix(line: str) -> int:
    match = _BEFORE_NUMBER.match(line)
    return match.end() if match else 0


def _stated(line: str) -> Number | None:
    """The number a line states: its first, or, where that begins a calculation ("3 + 4 = 7"), its result."""
    number = first_number(line)
    if number is None:
        return None
    rest = line[number.end :].lstrip()
    if rest[:1] in {"+", "-", "*", "/", "×", "÷"} and "=" in rest:
        return first_number(rest[rest.index("=") + 1 :].rsplit("=", 1)[-1]) or number
    return number
