"""Agreement, order consistency and preference for a place, on made verdicts and on LLMBar's."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from graders.base import Grade, unscored
from graders.judge_statistics import JudgeReport, PairVerdict, Share, judge_report, verdicts_of

DATA = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere")) / "llmbar" / "judge_runs.jsonl.gz"


def share(value: Share | None) -> float:
    assert value is not None
    assert value.interval.low <= value.share <= value.interval.high
    return value.share


def test_a_judge_that_is_always_right() -> None:
    report = judge_report([PairVerdict(label, label, label) for label in ("1", "2", "1", "1")])
    assert (share(report.agreement), report.kappa, share(report.consistency)) == (1, 1, 1)
    assert report.agreement is not None
    assert (report.agreement.n, report.pairs, report.unread, report.first_shown) == (8, 4, 0, None)


def test_a_judge_that_always_prefers_the_first_shown_is_at_chance() -> None:
    report = judge_report([PairVerdict("1", "2", label) for label in ("1", "2") * 10])
    assert (share(report.agreement), share(report.consistency), share(report.first_shown)) == (0.5, 0, 1)
    assert report.kappa == 0
    assert report.agreement is not None
    assert report.agreement.interval == (0.5, 0.5)  # each pair gives one right and one wrong verdict


def test_ties_and_verdicts_that_could_not_be_read() -> None:
    verdicts = [
        PairVerdict("1", None, "1"),
        PairVerdict("tie", "tie", "2"),
        PairVerdict("2", "tie", "2"),
        PairVerdict(None, None, "1"),
        PairVerdict("2", "1"),
    ]
    report = judge_report(verdicts)
    assert (report.pairs, report.unread) == (5, 3)
    assert share(report.agreement) == 2 / 5
    assert [order and order.n for order in report.agreement_by_order] == [3, 2]
    assert (share(report.consistency), report.consistency and report.consistency.n) == (1 / 3, 3)
    assert share(report.first_shown) == 0


def test_nothing_to_say_of_nothing() -> None:
    assert judge_report([]) == JudgeReport(0, 0, None, (None, None), None, None, None)


def test_the_grades_of_a_judge_that_compares_are_verdicts() -> None:
    grades = [
        Grade(0.5, "x", parts={"shown first": 1.0, "shown second": 0.0}),
        Grade(0.75, "x", parts={"shown first": 1.0, "shown second": 0.5}),
        unscored("down"),
    ]
    assert verdicts_of(grades) == [PairVerdict("1", "2"), PairVerdict("1", "tie"), PairVerdict(None, None)]


def llmbar(**wanted: str) -> JudgeReport:
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return judge_report(
        [
            PairVerdict(row["winner"], row["winner_swapped"], str(row["label"]))
            for row in rows
            if all(row[key] == value for key, value in wanted.items())
        ]
    )


@pytest.mark.skipif(not DATA.exists(), reason="FINETUNE_ADVISOR_DATA names no folder that has llmbar")
def test_the_published_numbers_of_llmbar_come_out() -> None:
    """The repository's statistics of GPT-4, asked plainly, on Natural: 95 and 96 % right, 95 % consistent."""
    report = llmbar(evaluator="GPT-4", strategy="Vanilla", subset="LLMBar/Natural")
    assert (report.pairs, report.unread) == (100, 0)
    assert [share(order) for order in report.agreement_by_order] == [0.95, 0.96]
    assert (share(report.agreement), share(report.consistency)) == (0.955, 0.95)


@pytest.mark.skipif(not DATA.exists(), reason="FINETUNE_ADVISOR_DATA names no folder that has llmbar")
def test_a_weak_judge_of_llmbar_is_seen_to_prefer_a_place() -> None:
    report = llmbar(evaluator="Falcon", strategy="Vanilla")
    strong = llmbar(evaluator="GPT-4", strategy="Vanilla")
    assert report.pairs == strong.pairs == 419
    assert share(report.consistency) < 0.5
    assert share(strong.consistency) > 0.9
    assert report.first_shown is not None
    assert not report.first_shown.interval.low <= 0.5 <= report.first_shown.interval.high
