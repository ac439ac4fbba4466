"""numeric: which number is the final answer, how numbers are read, and what stands between right and wrong."""

import gzip
import json
import os
from pathlib import Path

import pytest

from graders.base import Grade, Sample
from graders.numeric import Numeric


def grade(completion: str, reference: object, **fields: float) -> Grade:
    return Numeric.model_validate(fields).grade(Sample("How many?", completion, reference))


@pytest.mark.parametrize(
    ("completion", "extracted"),
    [
        ("3 + 4 = 7\n#### 7", "7"),
        ("#### 7!!!", "7"),
        ("####7", "7"),
        ("Some 9 pears.\n#### $7 of the 12", "7"),
        ("First #### 1 then #### 7", "7"),
        ("#### Step 3: add 2\nSo it is 7", "7"),
        ("#### Answer\n\n7", "7"),
        (r"We get \boxed{7} from 3 and 9.", "7"),
        (r"We get \boxed{x = 7}.", "7"),
        (r"\boxed{\frac{3}{4}} of 9", "3/4"),
        ("The answer is 7, as 3 of 10 are gone.", "7"),
        ("The answer to the last question is 7. Bye 99", "7"),
        ("**Answer:** 7\nChecked 2 times.", "7"),
        ("Final answer:\n\n7 apples\nof 12", "7"),
        ("Answer: 3 + 4 = 7", "7"),
        ("Answer = 3 * 4 - 5 = 7 (of 12)", "7"),
        ("答案是7个，共12个", "7"),
        ("The answer is unclear. Perhaps 7", "7"),
        ("To express the answer as a percentage: 2/8\nA: 7", "7"),
        ("A: 4\nNo, the answer is 7", "7"),
        ("2 boys and 5 girls make 7 children.", "7"),
        ("Ten has 5 of H2O and 7 of B12", "7"),
    ],
)
def test_finds_the_final_answer(completion: str, extracted: str) -> None:
    assert grade(completion, 1234567).extracted == extracted


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        ("1,234,567", "1234567"),
        ("$1,234.50", 1234.5),
        ("-$5", -5),
        ("$-5", "-5"),
        ("−5", -5),
        ("10-5", 5),
        ("(3)-5", 5),
        ("It is 5.", 5.0),
        (".5", 0.5),
        ("3/4", 0.75),
        ("2/8", "1/4"),
        ("1 1/2", 1.5),
        (r"-\frac{3}{4}", "-0.75"),
        (r"2\frac{1}{2}", 2.5),
        (r"1{,}000", 1000),
        ("6.02e23", "602,000,000,000,000,000,000,000"),
        ("1.5 x 10^3", 1500),
        (r"2 \times 10^{-3}", "0.002"),
        ("50%", "50"),
        ("50 percent", "0.5"),
        ("0.5", "50%"),
        ("７２", "72"),
        ("RM9.00", "9"),
        ("72", "48 / 2 = 24 and 48 + 24 = 72\n#### 72!!!"),
        ("0.30000000000000004", 0.3),
        ("72", ["70", "72"]),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_reads_numbers_as_people_write_them(completion: str, reference: object) -> None:
    assert grade(completion, reference).score == 1


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        ("71", "72"),
        ("-72", "72"),
        ("12345678901234567891", "12345678901234567890"),
        ("50", "0.5"),
        ("0.333", "1/3"),
        ("72 73", "72"),
        ("", "72"),
        ("seventy-two", "72"),
        ("1/0", "72"),
        ("5000001", "5000000"),
    ],
)
def test_a_wrong_answer_scores_0(completion: str, reference: object) -> None:
    assert grade(completion, reference).score == 0


def test_tolerances_are_absolute_or_relative() -> None:
    assert grade("0.333", "1/3", abs_tolerance=0.001).score == 1
    assert grade("0.33", "1/3", abs_tolerance=0.001).score == 0
    assert grade("101", "100", rel_tolerance=0.01).score == 1
    assert grade("102", "100", rel_tolerance=0.01).score == 0


def test_a_readable_wrong_number_earns_the_parsed_credit_and_prose_does_not() -> None:
    assert grade("#### 71", "72", parsed_credit=0.1).score == 0.1
    assert grade("I do not know", "72", parsed_credit=0.1).score == 0
    assert grade("#### 72", "72", parsed_credit=0.1).score == 1


def test_the_reason_says_what_was_extracted_and_from_where() -> None:
    assert grade("#### 71", "72").reason == "71 (after ####) is not 72"
    assert grade("it is 72", "72").reason == "72 (last number) equals 72"


@pytest.mark.parametrize("reference", [None, "", "none", float("nan"), {}, [], ["x"], True])
def test_a_reference_without_a_number_is_unscored(reference: object) -> None:
    result = grade("72", reference)
    assert result.score is None
    assert "holds no number" in result.reason


@pytest.mark.skipif("FINETUNE_ADVISOR_DATA" not in os.environ, reason="FINETUNE_ADVISOR_DATA names no folder of data")
def test_agrees_with_every_labelled_solution_of_gsm8k() -> None:
    path = Path(os.environ["FINETUNE_ADVISOR_DATA"]) / "grader-conformance-gsm8k" / "solutions.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    agree = sum((grade(row["solution"], row["gold"]).score == 1) == row["is_correct"] for row in rows)
    assert (agree, len(rows)) == (5276, 5276)
