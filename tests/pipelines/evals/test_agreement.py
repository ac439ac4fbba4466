"""Agreement of two raters, and of a judge with itself in the other order."""

import gzip
import json
import os
from pathlib import Path

import pytest

from graders.base import Grade
from graders.errors import UserError
from graders.statistics import wilson_interval
from pipelines.evals.agreement import agreement, human_scores, order_consistency

FOLDER = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere"))


def test_two_values_are_verdicts_and_more_are_an_order() -> None:
    assert human_scores(["yes", "no", None, ""], "c", "f") == [(1.0, True), (0.0, False), (None, None), (None, None)]
    assert human_scores([2, "1"], "c", "f") == [(2.0, True), (1.0, False)]
    assert human_scores([1, 2, 3.5], "c", "f") == [(1.0, None), (2.0, None), (3.5, None)]


@pytest.mark.parametrize(
    ("values", "said"), [(["4", "four"], "'four' in row 2"), (["1", "1"], "the same score in every row")]
)
def test_scores_that_tell_nothing_are_refused(values: list[object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        human_scores(values, "stars", "rows.csv")


def test_the_errors_are_ours_and_the_unscored_are_left_out() -> None:
    ours = [(1.0, True), (1.0, True), (0.0, False), (0.4, False), (None, None)]
    theirs = [(1.0, True), (0.0, False), (0.0, False), (1.0, True), (1.0, True)]
    found = agreement("people", ours, theirs)
    assert (found.n, found.left_out, found.kappa) == (4, 1, 0.0)
    assert found.false_positives is not None and (found.false_positives.wrong, found.false_positives.n) == (1, 2)
    assert found.false_negatives is not None and (found.false_negatives.wrong, found.false_negatives.n) == (1, 2)
    assert found.spearman == pytest.approx(0.2357, abs=1e-4)
    assert agreement("stars", ours, [(score, None) for score, _ in theirs]).kappa is None


def test_order_consistency_counts_verdicts_that_change_with_the_place() -> None:
    both = [(1.0, 1.0), (0.0, 0.0), (0.5, 0.5), (1.0, 0.0)]
    grades = [Grade(0.5, "r", parts={"shown first": a, "shown second": b}) for a, b in both]
    found = order_consistency([*grades, Grade(1.0, "asked once")])
    assert found is not None
    assert (found.wrong, found.n, (found.low, found.high)) == (1, 4, wilson_interval(1, 4))
    assert order_consistency([Grade(1.0, "asked once")]) is None


@pytest.mark.skipif(not FOLDER.is_dir(), reason="FINETUNE_ADVISOR_DATA is not set")
def test_published_verdicts_give_the_published_numbers() -> None:
    """LLMBar, GPT-4 with the vanilla prompt on Natural: right in 95 % and 96 %, the same in both orders in 95 %."""
    with gzip.open(FOLDER / "llmbar" / "judge_runs.jsonl.gz", "rt", encoding="utf-8") as file:
        runs = [json.loads(line) for line in file]
    runs = [run for run in runs if (run["evaluator"], run["strategy"]) == ("GPT-4", "Vanilla")]
    runs = [run for run in runs if run["subset"].endswith("Natural")]
    grades = [
        Grade(0.5, "r", parts={"shown first": _won(run, ""), "shown second": _won(run, "_swapped")}) for run in runs
    ]
    found = order_consistency(grades)
    assert found is not None and (found.n, 1 - found.share) == (100, 0.95)
    people = human_scores([run["label"] == 1 for run in runs], "label", "judge_runs")
    first = agreement("people", [(_won(run, ""), run["winner"] == "1") for run in runs], people)
    assert first.kappa == pytest.approx(0.9, abs=0.02)


def _won(run: dict[str, str], order: str) -> float:
    """1 where the first output won."""
    return float(run[f"winner{order}"] == "1")
