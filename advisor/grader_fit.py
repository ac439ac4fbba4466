"""Which grader can score the answers of a data set: proposed by the kind of answer, then tried on the rows' own gold.

A grader fits when it accepts 98 % of the gold, and refuses most answers of other rows. Pure; tries at most 2,000 rows.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from graders.base import Grader, Sample
from graders.choice import Choice
from graders.exact_match import ExactMatch
from graders.json_fields import JsonFields
from graders.numbers import plain
from graders.numeric import Numeric, final_number
from graders.union import AnyGrader
from pipelines.data.answer_kind import AnswerKind, answer_text, own_answer, spread, unasked_fields
from pipelines.data.rows import Row
from pipelines.evals.audit_verdict import OWN_ACCEPTED

_TRIED = 2_000
_MAX_CHOICES = 10  # more labels than this stay out of plan.yaml: exact_match needs no list of them
_COPIED = 0.95
_WRONG_ACCEPTED = 0.5


@dataclass(frozen=True, slots=True)
class GraderFit:
    """How a grader did on the rows' own answers.

    accepted: rows whose gold it passes, of `tried`. refused: row numbers of the others, at most 20.
    wrong_accepted: share of rows where it passes the gold of another row. material: the references are what a grader
    needs to check an answer, not answers themselves (why we think so, or ""). problem: why it must not be used, or "".
    """

    grader: AnyGrader
    tried: int
    accepted: int
    refused: tuple[int, ...]
    wrong_accepted: float
    material: str = ""
    problem: str = ""

    @property
    def share(self) -> float:
        """Share of the gold that it accepts."""
        return self.accepted / self.tried

    @property
    def fits(self) -> bool:
        """It may grade this data."""
        return not self.problem


def fit_grader(rows: Sequence[Row], answers: AnswerKind) -> GraderFit | None:
    """The grader for this kind of answer with its trial; None where no grader of this version compares such answers."""
    grader = propose(answers)
    return None if grader is None else try_grader(grader, rows)


def propose(answers: AnswerKind) -> AnyGrader | None:
    """The grader that compares answers of this kind."""
    if answers.kind == "number":
        return Numeric()
    if answers.kind == "json":
        return JsonFields()
    if answers.kind == "one_of_few":
        labels = tuple(sorted(label for label, _ in answers.labels))
        return Choice(choices=labels) if len(labels) <= _MAX_CHOICES else ExactMatch()
    return ExactMatch() if answers.kind == "short_text" else None


def try_grader(grader: AnyGrader, rows: Sequence[Row]) -> GraderFit | None:
    """Grades each row's own answer, and as a control another row's. None where no row has an answer."""
    tried = spread([row for row in rows if row.expected is not None and row.desirable is None], _TRIED)
    if not tried:
        return None
    passed = _passed(grader, tried, tried)
    refused = [row.number for row, right in zip(tried, passed, strict=True) if not right]
    accepted = len(tried) - len(refused)
    wrong, material = _wrong_accepted(grader, tried), _material(grader, tried)
    problem = material or _problem(accepted / len(tried), wrong)
    return GraderFit(grader, len(tried), accepted, tuple(refused[:20]), wrong, material, problem)


def _wrong_accepted(grader: Grader, rows: Sequence[Row]) -> float:
    """Share of rows where the answer of a random other row passes, among those where that answer reads differently."""
    others = random.Random(0).sample(rows, len(rows))
    differ = [(row, other) for row, other in zip(rows, others, strict=True) if own_answer(row) != own_answer(other)]
    passed = _passed(grader, [row for row, _ in differ], [other for _, other in differ])
    return sum(passed) / len(passed) if passed else 0.0


def _passed(grader: Grader, rows: Sequence[Row], answers_of: Sequence[Row]) -> list[bool]:
    pairs = zip(rows, answers_of, strict=True)
    samples = [Sample(row.prompt, own_answer(other) or "", row.expected, row.columns) for row, other in pairs]
    return [grader.passed(grade) is True for grade in grader.grade_all(samples)]


def _problem(share: float, wrong: float) -> str:
    if share < OWN_ACCEPTED:
        return (
            f"it accepts only {share:.1%} of the rows' own answers; mend those rows, or name it with --set grader=TYPE"
        )
    if wrong > _WRONG_ACCEPTED:
        return f"it also accepts the answer of another row in {wrong:.0%} of the rows"
    return ""


def _material(grader: Grader, rows: Sequence[Row]) -> str:
    if isinstance(grader, Numeric) and _share_copied(rows) >= _COPIED:
        return "the number of the reference stands in the prompt, so copying it would pass"
    if isinstance(grader, JsonFields) and (names := unasked_fields(rows)):
        fields = ", ".join(names)
        return f"no prompt asks for the reference's {fields}"
    return ""


def _share_copied(rows: Sequence[Row]) -> float:
    """Among rows without a demonstration, those whose number stands in the prompt: it is material, not the answer."""
    bare = [row for row in rows if row.completion is None]
    return sum(_stands_in(row) for row in bare) / len(bare) if bare else 0.0


def _stands_in(row: Row) -> bool:
    number = final_number(answer_text(row.reference))
    return number is not None and number[0].text in plain(row.prompt)
