"""Two scores of the same completions: Spearman's rank correlation, Cohen's kappa, and who errs which way. Pure.

The other side is a second grader, or a column of people's scores. A people's column of two values (true and false,
1 and 0, 1 and 2) is also a verdict, the higher one a pass; of more values only the order counts.
"""

from collections.abc import Iterable, Mapping, Sequence

from graders.base import Grade, Grader
from graders.errors import UserError
from graders.statistics import cohens_kappa, spearman, wilson_interval
from pipelines.evals.audit_record import Agreement, Rate

_WORDS = {"true": 1.0, "yes": 1.0, "pass": 1.0, "good": 1.0, "false": 0.0, "no": 0.0, "fail": 0.0, "bad": 0.0}
ORDERS = ("shown first", "shown second")
"""The parts of a grade by a judge that saw the completion in both places (graders/judge.py)."""

Scored = tuple[float | None, bool | None]
"""A score, and whether it passes; either may be missing."""


def agreement(other: str, ours: Sequence[Scored], theirs: Sequence[Scored]) -> Agreement:
    """How `ours` agrees with `theirs`; rows that one side did not score are left out. The errors are ours."""
    both = [(a, b) for a, b in zip(ours, theirs, strict=True) if a[0] is not None and b[0] is not None]
    judged = [(a[1], b[1]) for a, b in both if a[1] is not None and b[1] is not None]
    return Agreement(
        other=other,
        n=len(both),
        left_out=len(ours) - len(both),
        spearman=spearman([a[0] or 0.0 for a, _ in both], [b[0] or 0.0 for _, b in both]),
        kappa=cohens_kappa([a for a, _ in judged], [b for _, b in judged]) if judged else None,
        false_positives=_rate(mine for mine, right in judged if not right),
        false_negatives=_rate(not mine for mine, right in judged if right),
    )


def scored(grader: Grader, grades: Iterable[Grade]) -> list[Scored]:
    """What a grader made of completions."""
    return [(grade.score, grader.passed(grade)) for grade in grades]


def human_scores(values: Sequence[object], column: str, where: str) -> list[Scored]:
    """The cells as scores, None where one is empty. Raises UserError where they are no numbers, or all equal."""
    scores = [_number(value, place, column, where) for place, value in enumerate(values, start=1)]
    levels = sorted({score for score in scores if score is not None})
    if len(levels) < 2:
        raise UserError(f"column {column!r} holds the same score in every row", "scores that differ", where=where)
    return [(score, score == levels[1] if len(levels) == 2 and score is not None else None) for score in scores]


def order_consistency(grades: Iterable[Grade]) -> Rate | None:
    """Of the verdicts that a judge gave in both orders, how many changed with the order; None without any."""
    pairs = [(grade.parts[ORDERS[0]], grade.parts[ORDERS[1]]) for grade in grades if _in_both(grade.parts)]
    return _rate(first != second for first, second in pairs) if pairs else None


def _in_both(parts: Mapping[str, float | None]) -> bool:
    return all(parts.get(order) is not None for order in ORDERS)


def _rate(hits: Iterable[bool]) -> Rate:
    found = list(hits)
    low, high = wilson_interval(sum(found), len(found))
    return Rate(wrong=sum(found), n=len(found), low=low, high=high)


def _number(value: object, row: int, column: str, where: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return _WORDS.get(str(value).strip().casefold()) if _is_word(value) else float(str(value))
    except ValueError:
        expected = "numbers, or true and false"
        raise UserError(f"column {column!r} holds {value!r:.60} in row {row}", expected, where=where) from None


def _is_word(value: object) -> bool:
    return str(value).strip().casefold() in _WORDS
