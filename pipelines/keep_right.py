"""Which of a prompt's graded answers are trained on, and why the others are not. Pure.

In: the answers of all rounds so far. Out: what is kept, what was dropped for which reason, and pairs of a right and a
wrong answer. An answer is kept when it passes, ended by itself, holds no false equation, and reasons otherwise than
those kept before and than the row's own completion, where that is trained on beside it (Yuan et al. 2023, arXiv
2308.01825). Of easy prompts fewer are kept: the share of `most` that the prompt fails in, since easy prompts, of which
most right answers are, teach least (DART-Math, Tong et al. 2024, arXiv 2407.13690). `best` keeps each prompt's best
answer alone (RAFT, Dong et al. 2023, arXiv 2304.06767). A hinted answer (STaR, Zelikman et al. 2022, arXiv 2203.14465)
must pass and, in a task of calculation, write one: the bare answer is a copy of the hint.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.data.rows import Row
from pipelines.evals.grades import GradedRow
from pipelines.reasoning_paths import Form, false_equation, path_of, writes_equations

Reason = Literal[
    "unscored", "cut off", "wrong", "false equation", "copied hint", "repeated", "over the cap", "not best"
]


@dataclass(frozen=True, slots=True)
class Rules:
    """keep, most: the plan's `keep` and `max_kept_per_prompt`. checked: whether equations must hold. beside: the row's
    own completion is trained on too, so that an answer must reason otherwise."""

    keep: Literal["passing", "best"]
    most: int
    form: Form
    checked: bool
    beside: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A graded answer of a round, counted from 1. hinted: the right answer stood in the prompt."""

    round: int
    hinted: bool
    graded: GradedRow

    @property
    def right(self) -> bool:
        """Passed, and not by being cut off at a lucky place."""
        return self.graded.passed is True and not self.graded.truncated

    @property
    def text(self) -> str:
        """As it is trained on, with its reasoning block."""
        reasoning, answer = self.graded.reasoning, self.graded.completion
        return f"<think>\n{reasoning}\n</think>\n\n{answer}" if reasoning else answer


@dataclass(frozen=True, slots=True)
class Choice:
    """What became of one row's answers. right: how many of the unhinted are right, of `scored`.

    dropped: how many for each reason. pairs: (right, wrong) texts, each right one (the row's own is one) once.
    """

    row: Row
    scored: int
    right: int
    kept: tuple[Answer, ...]
    dropped: Mapping[Reason, int]
    pairs: tuple[tuple[str, str], ...]

    @property
    def solved(self) -> bool:
        return bool(self.kept) or self.right > 0


def choose(row: Row, answers: Sequence[Answer], rules: Rules) -> Choice:
    """Sorts one row's answers, of all rounds so far, in order."""
    faults = [_fault(answer, rules) for answer in answers]
    dropped: Counter[Reason] = Counter(fault for fault in faults if fault is not None)
    sound = [answer for answer, fault in zip(answers, faults, strict=True) if fault is None]
    own = [answer for answer in answers if not answer.hinted and answer.graded.passed is not None]
    right = sum(answer.right for answer in own)
    distinct = _distinct(row, sound, rules)
    dropped["repeated"] += len(sound) - len(distinct)
    kept = sorted(distinct, key=lambda answer: -(answer.graded.score or 0.0))[: _allowed(rules, right, len(own))]
    dropped["over the cap" if rules.keep == "passing" else "not best"] += len(distinct) - len(kept)
    wrong = [answer for answer in answers if answer.graded.passed is False and not answer.graded.truncated]
    rejected = [answer.text for answer in _distinct(row, wrong, rules) if answer not in kept]
    good = [answer.text for answer in kept] + ([row.demonstration] if row.demonstration else [])
    pairs = tuple(zip(good, rejected, strict=False))
    return Choice(row, len(own), right, tuple(kept), {key: n for key, n in dropped.items() if n}, pairs)


def _fault(answer: Answer, rules: Rules) -> Reason | None:
    """Why an answer cannot be kept, whatever else was answered."""
    graded = answer.graded
    if graded.passed is None:
        return "unscored"
    if graded.truncated:
        return "cut off"
    if not graded.passed and (rules.keep == "passing" or answer.hinted or not graded.score):
        return "wrong"
    if rules.checked and false_equation(answer.text):
        return "false equation"
    if answer.hinted and rules.form == "equations" and not writes_equations(answer.text):
        return "copied hint"
    return None


def _distinct(row: Row, answers: Sequence[Answer], rules: Rules) -> list[Answer]:
    """The first of each path, and none like a completion of the row's own that stands beside it."""
    seen = {path_of(row.demonstration, rules.form)} if rules.beside and row.demonstration is not None else set()
    found = []
    for answer in answers:
        if (path := path_of(answer.text, rules.form)) not in seen:
            seen.add(path)
            found.append(answer)
    return found


def _allowed(rules: Rules, right: int, scored: int) -> int:
    if rules.keep == "best":
        return 1
    return max(1, math.ceil(rules.most * (1 - right / scored))) if scored else rules.most
