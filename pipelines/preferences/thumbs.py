"""Answers marked good or bad, as KTO reads them: the plan's own, else the two sides of each preference pair."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from graders.errors import UserError
from pipelines.data.checked import load_preferences
from pipelines.data.rows import Row, Rows, Split
from pipelines.job import Job
from pipelines.preferences.pairs import load_pairs

MOST_GOOD = 4 / 3
"""Weighted good answers to weighted bad ones: the KTO paper (Ethayarajh et al. 2024, arXiv 2402.01306) keeps the ratio
between 1 and this."""


def load_thumbs(job: Job) -> Split:
    """Rows with `completion` and `desirable`; raises UserError where the training part lacks good ones or bad ones."""
    split = load_preferences(job.plan.data, job.base)
    marked = any(row.is_marked for row in split.train.rows)
    found = _each(split, _own) if marked and job.rows is None else _each(load_pairs(job), _sides)
    marks = {row.desirable for row in found.train.rows}
    if len(marks) < 2:
        have, lack = ("good", "bad") if marks == {True} else ("bad", "good")
        raise UserError(
            f"all {len(found.train.rows)} marked answers are {have}",
            "answers of both kinds, since KTO learns from what sets them apart",
            f"add answers marked {lack}" + (", or imitate these with an sft stage" if have == "good" else ""),
            found.train.source,
        )
    return found


def thumb_weights(num_good: int, num_bad: int) -> tuple[float, float]:
    """Weights of the good and the bad answers' losses: the rarer side counts as much more as the paper's ratio asks."""
    if num_good > MOST_GOOD * num_bad:
        return 1.0, num_good / (MOST_GOOD * num_bad)
    return max(1.0, num_bad / num_good), 1.0


def _own(rows: Rows) -> Iterable[Row]:
    return (row for row in rows.rows if row.is_marked)


def _sides(rows: Rows) -> Iterable[Row]:
    return (
        replace(row, completion=answer, desirable=good, chosen=None, rejected=None)
        for row in rows.rows
        for answer, good in ((row.chosen, True), (row.rejected, False))
    )


def _each(split: Split, taken: Callable[[Rows], Iterable[Row]]) -> Split:
    train, validation, test = (part.only(taken(part)) for part in (split.train, split.validation, split.test))
    return replace(split, train=train, validation=validation, test=test)
