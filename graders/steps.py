"""steps: a worked solution, with credit for the final answer and for the calculations that lead to it.

In: a completion with calculations such as 320×0.75=240 in any prose; a reference as `numeric` takes it, best a worked
one. Out: final_weight × (the answer's grade by `answer`, a numeric grader) + the rest × a share of right calculations.
A calculation counts when it is work on this task: its operands stand in the prompt or are results of earlier ones
(beside numbers such as 100 or 60), it does something (not ×1 or +0) and is no repetition.
Where the final answer is right: of the calculations that count and lead to it (their result is that number, or an
operand of a later one that leads there) and of the false ones, the share of right ones.
Where it is wrong and the reference is worked: the share of the reference's own results that right calculations reach.
Where it is wrong and the reference is bare: of all, the share of right ones that count and lead to the last result,
times the share of the prompt's numbers that these use.
False calculations lower each share. So nothing is won by writing more, and nothing false is free.
A chain a=b=c is checked sign by sign. See graders/equations.py for what is read, and for its limits.
The default of 0.7 is ours: no amount of right working (0.3) comes near to the right answer. Checking steps beside the
outcome: Uesato et al. 2022, arXiv:2211.14275. Limits: calculations in words alone count for nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from pydantic import Field

from graders.arithmetic import Side, equal
from graders.base import Grade, Grader, Sample
from graders.chinese_numbers import with_discounts, with_single_characters
from graders.equations import chains, false_signs
from graders.numbers import numbers_in, plain
from graders.numeric import Numeric, final_number
from graders.texts import accepted_references

_MAX_CHAINS = 300
# Numbers that a calculation may use though nobody wrote them: halves, doubles, percentages, clocks, calendars, dozens.
_COMMON = frozenset(map(Fraction, (1, 2, 3, 4, 5, 7, 8, 10, 12, 24, 30, 31, 52, 60, 100, 180, 360, 365, 1000, 3600)))
_COMMON |= {1 / number for number in _COMMON}
_ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORDS = {word: Fraction(value) for value, word in enumerate(_ENGLISH)}
_WORDS |= {"thirteen": Fraction(13), "fourteen": Fraction(14), "fifteen": Fraction(15), "sixteen": Fraction(16)}
_WORDS |= {"twenty": Fraction(20), "thirty": Fraction(30), "forty": Fraction(40), "fifty": Fraction(50)}
_WORDS |= {"half": Fraction(1, 2), "third": Fraction(1, 3), "quarter": Fraction(1, 4), "hundred": Fraction(100)}
_WORD = re.compile(r"[A-Za-z]+")


class Steps(Grader):
    """Partial credit for right calculations beside the final answer."""

    type: Literal["steps"] = "steps"
    pass_at: float = Field(0.7, gt=0, le=1, description="0.7 is a right final answer, however it was found.")
    answer: Numeric = Field(Numeric(), description="How the final answer is graded: the fields of numeric.")
    final_weight: float = Field(0.7, gt=0, lt=1, description="Weight of the final answer; the rest is for the steps.")
    without_steps: Literal["final_weight", "full"] = Field(
        "final_weight",
        description="Score of a right answer without calculations. full would make hiding them the safest way to 1.",
    )

    def grade(self, sample: Sample) -> Grade:
        final = self.answer.grade(sample)
        if final.score is None:
            return final
        credit = _right_final(sample) if final.score == 1 else _wrong_final(sample)
        score = self.final_weight * final.score + (1 - self.final_weight) * credit.share
        if self.without_steps == "full" and not credit.counted:
            score = final.score
        reason = f"{final.reason}; {credit.said}"
        return Grade(score, reason, extracted=final.extracted, parts={"final": final.score, "steps": credit.share})


@dataclass(frozen=True, slots=True)
class _Credit:
    """share: of the steps' weight. right of counted calculations. false: the first false one."""

    share: float
    right: int
    counted: int
    false: str

    @property
    def said(self) -> str:
        said = f"{self.right} of {self.counted} calculations right" if self.counted else "no calculation leads to it"
        return said + (f", not {self.false}" if self.false else "")


def _right_final(sample: Sample) -> _Credit:
    """Against what leads to the answer."""
    written = _first_of_each(chains(sample.completion))
    working = _grounded(written, set().union(*_given(sample.prompt)))
    stated = final_number(sample.completion)
    leading = _leading(working, None if stated is None else stated[0].value)
    wrong, false = _false(written)
    right = sum(_num_right(written[place]) for place in leading)
    return _Credit(_share(right, right + wrong), right, right + wrong, false)


def _wrong_final(sample: Sample) -> _Credit:
    """Against the reference's results, or else against all that was written and all that was given."""
    written = _first_of_each(chains(sample.completion))
    given = _given(sample.prompt)
    working = _grounded(written, set().union(*given))
    wrong, false = _false(written)
    references = accepted_references(sample.reference)
    goals = {_result(sides) for reference in references[:1] for sides in _first_of_each(chains(reference))}
    if goals:
        reached = {result for place, (_, result) in working.items() if not _false([written[place]])[0]}
        right = len(goals & reached)
        counted = max(len(goals), right + wrong)
        return _Credit(_share(right, counted), right, counted, false)
    leading = _leading(working, working[max(working)][1] if working else None)
    right = sum(_num_right(written[place]) for place in leading)
    strange = sum(_num_right(sides) for place, sides in enumerate(written) if place not in working)
    used = set().union(*(working[place][0] for place in leading))
    numbers = [meanings for meanings in given if len(meanings) > 1]  # words and 1 ("a lamp") need not be used
    coverage = _share(sum(not used.isdisjoint(meanings) for meanings in numbers), len(numbers)) if numbers else 1.0
    counted = right + strange + wrong
    return _Credit(coverage * _share(right, counted), right, counted, false)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _first_of_each(written: Iterable[list[Side]]) -> list[list[Side]]:
    """Without repetitions, 2+3=5 after 3+2=5 included."""
    found: dict[object, list[Side]] = {}
    for sides in written:
        key = tuple((tuple(sorted(side.operands)), side.value) for side in sides)
        found.setdefault(key, sides)
        if len(found) == _MAX_CHAINS:
            break
    return list(found.values())


def _given(prompt: str) -> list[set[Fraction]]:
    """For each number of a prompt what it may stand for: 25% is 0.25 and 25, and leaves 0.75 and 75."""
    text = with_single_characters(with_discounts(plain(prompt)))
    given = [{_WORDS[word]} for word in set(_WORD.findall(text.lower())) & set(_WORDS)]
    for number in numbers_in(text, discounts=True):
        value = abs(number.value)
        meanings = {value, value / number.scale, 100 * value, value / 100}
        if number.percent or number.scale < 1:
            share = value / 100 if number.percent else value
            meanings |= {share, 100 * share, 10 * share, 1 - share, 100 - 100 * share, 1 + share}
        if value.denominator != 1:
            meanings |= {Fraction(value.numerator), Fraction(value.denominator), 1 - value}
        given.append(meanings if value != 1 else {value})
    return given


def _grounded(found: list[list[Side]], known: set[Fraction]) -> dict[int, tuple[set[Fraction], Fraction]]:
    """Place of each chain that works on known numbers → its operands and its result; results become known."""
    working = {}
    for place, sides in enumerate(found):
        calculation = next(side for side in sides if side.num_operators)
        operands = {abs(number) for number in calculation.operands}
        strange = operands - known - _COMMON
        if strange or not operands & known or _does_nothing(calculation):
            continue
        result = _result(sides)
        working[place] = (operands, result)
        known = known | _as_percent_too({result})
    return working


def _does_nothing(side: Side) -> bool:
    """Whether a side only adds or takes 0, or multiplies or divides by 1."""
    texts = [token.text for token in side.tokens]
    return side.num_operators == 1 and (
        texts[-2:] in (["+", "0"], ["-", "0"], ["*", "1"], ["/", "1"]) or texts[:2] in (["1", "*"], ["0", "+"])
    )


def _result(sides: list[Side]) -> Fraction:
    """What a chain comes to: its last single number, without its sign."""
    single = [side for side in sides if not side.num_operators]
    return abs((single or sides)[-1].value)


def _leading(working: dict[int, tuple[set[Fraction], Fraction]], answer: Fraction | None) -> set[int]:
    """The places of the chains whose results lead to the answer, be it a share or a percentage."""
    wanted: set[Fraction] = set() if answer is None else _as_percent_too({abs(answer)})
    leading = set()
    for place in sorted(working, reverse=True):
        operands, result = working[place]
        if result in wanted:
            leading.add(place)
            wanted |= _as_percent_too(operands)
    return leading


def _as_percent_too(numbers: set[Fraction]) -> set[Fraction]:
    return numbers | {100 * number for number in numbers} | {number / 100 for number in numbers}


def _num_right(sides: list[Side]) -> int:
    """The equals signs that hold and make the calculation shorter: rewriting it is no step."""
    return sum(
        left.num_operators != right.num_operators and equal(left, right)
        for left, right in pairwise(sides)
        if left.num_operators or right.num_operators
    )


def _false(written: list[list[Side]]) -> tuple[int, str]:
    """How many equals signs do not hold, and the first of them."""
    wrong = list(false_signs(written))
    return len(wrong), wrong[0] if wrong else ""
