"""steps: what counts as a right step, and what cannot be gained by writing more."""

import gzip
import json
import os
from pathlib import Path

import pytest

from graders.base import Grade, Sample
from graders.steps import Steps

LAMP = "A lamp costs 80 dollars. It is 25% off. How much do 3 lamps cost?"
WORKED = "80 × 0.25 = 20\n80 - 20 = 60\n60 × 3 = 180\n#### 180"


def grade(completion: str, prompt: str = LAMP, reference: object = "180", **fields: object) -> Grade:
    return Steps.model_validate(fields).grade(Sample(prompt, completion, reference))


def test_a_right_answer_with_right_steps_scores_1() -> None:
    result = grade(WORKED)
    assert result.score == 1
    assert result.parts == {"final": 1.0, "steps": 1.0}
    assert result.reason == "180 (after ####) equals 180; 3 of 3 calculations right"


@pytest.mark.parametrize(
    "completion",
    [
        "75% of 80 = 60, and 60 × 3 = 180 dollars.",
        "80 × 0.75 × 3 = 60 × 3 = 180",
        "3 × 80 = 240. 240 - 240 × 25% = 180",
        r"$80 \times \frac{3}{4} = 60$, $3 \times 60 = 180$. \boxed{180}",
    ],
)
def test_any_right_way_scores_1(completion: str) -> None:
    assert grade(completion).score == 1


def test_a_right_answer_without_steps_gets_the_final_weight_or_all() -> None:
    assert grade("#### 180").score == 0.7
    assert grade("#### 180", final_weight=0.5).score == 0.5
    assert grade("#### 180", without_steps="full").score == 1
    assert grade("7 × 9 = 64\n#### 180", without_steps="full").score == 0.7


def test_a_false_step_costs_though_the_answer_is_right() -> None:
    result = grade("80 × 0.25 = 20\n80 - 20 = 70\n60 × 3 = 180\n#### 180")
    assert result.parts == {"final": 1.0, "steps": 0.5}
    assert result.reason.endswith("not 80-20=70")
    assert grade("80 × 0.25 = 20\n20 × 2 = 50\n80 - 20 = 60\n60 × 3 = 180").parts["steps"] == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    "padding",
    [
        "1=1. 2=2. " * 50,
        "1+1=2. 2+2=4. 3+4=7. ",
        "80+0=80. 80×1=80. ",
        "80 - 25 = 55. 80 + 3 = 83. ",
        "80 × 0.25 = 20. " * 50,
        "11 × 11 = 121. ",
    ],
)
def test_padding_gains_nothing(padding: str) -> None:
    for reference in ("180", WORKED):
        for completion in ("#### 180", "80 × 0.25 = 20\n80 - 20 = 50\n60 × 3 = 180\n#### 180"):
            plain, padded = (grade(text, reference=reference).score for text in (completion, padding + completion))
            assert plain is not None
            assert padded is not None
            assert padded <= plain


def test_a_wrong_answer_gains_little_from_true_equations() -> None:
    for text in ("1=1\n#### 5", "1+1=2\n#### 2", "80+0=80\n#### 80", "11 × 11 = 121\n#### 121"):
        assert grade(text).score == 0
    # Of the prompt's 80, 25 and 3 these use two and one.
    for text, score in (("80 + 3 = 83\n#### 83", 0.2), ("2+3=5. " * 100 + "#### 5", 0.1)):
        assert grade(text).score == pytest.approx(score)
        assert grade(text, reference=WORKED).score == 0


def test_with_a_worked_reference_the_share_of_its_results_counts_where_the_answer_is_wrong() -> None:
    assert grade("80 × 0.25 = 20\n80 - 20 = 60\n60 + 3 = 63\n#### 63", reference=WORKED).score == pytest.approx(0.2)
    assert grade("80 × 0.25 = 20\n80 + 20 = 100\n100 × 3 = 300\n#### 300", reference=WORKED).score == pytest.approx(0.1)


def test_operands_come_from_the_prompt_or_from_earlier_results() -> None:
    assert grade("17 × 4 = 68. 68 + 112 = 180. #### 180").score == 0.7
    assert (
        grade(
            "two boxes: 2 × 6 = 12", prompt="There are two boxes with six pens each. How many pens?", reference=12
        ).score
        == 1
    )


def test_the_final_answer_is_graded_by_the_given_numeric() -> None:
    assert grade("60 × 3 = 180. #### 181").score is not None
    assert grade(f"{WORKED[:-3]}181", answer={"abs_tolerance": 2}).parts["final"] == 1


def test_a_reference_without_a_number_is_unscored() -> None:
    assert grade(WORKED, reference="none").score is None


def test_a_row_passes_with_a_right_final_answer_only() -> None:
    grader = Steps()
    assert grader.passed(grade("#### 180")) is True
    assert grader.passed(grade("80 × 0.25 = 20\n80 - 20 = 60\n60 × 3 = 190\n#### 190")) is False


@pytest.mark.skipif("FINETUNE_ADVISOR_DATA" not in os.environ, reason="FINETUNE_ADVISOR_DATA names no folder of data")
def test_on_gsm8k_right_solutions_score_high_and_wrong_ones_low() -> None:
    folder = Path(os.environ["FINETUNE_ADVISOR_DATA"])
    rows = [json.loads(line) for line in (folder / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    scores = [grade(row["answer"], row["question"], row["answer"]).score or 0 for row in rows]
    assert min(scores) >= 0.7 - 1e-9
    assert sum(score > 1 - 1e-9 for score in scores) >= 0.89 * len(rows)
    with gzip.open(folder / "grader-conformance-gsm8k" / "solutions.jsonl.gz", "rt", encoding="utf-8") as lines:
        solutions = [json.loads(line) for line in lines]
    grader = Steps()
    passed = [
        grader.passed(grade(row["solution"], rows[row["idx"]]["question"], rows[row["idx"]]["answer"]))
        for row in solutions
    ]
    assert passed == [row["is_correct"] for row in solutions]
