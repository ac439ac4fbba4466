"""numeric: which number is the final answer, how numbers are read, and what stands between right and wrong."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from graders.base import Grade, Sample
from graders.numeric import Numeric


def grade(completion: str, reference: object, prompt: str = "How many?", **fields: object) -> Grade:
    return Numeric.model_validate(fields).grade(Sample(prompt, completion, reference))


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


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        ("一共三百二十元", 320),
        ("答案是两千。", "2000"),
        ("#### ３２０", 320),
        ("１，２３４", 1234),
        ("先是270，250", 250),
        ("3.5万", 35000),
        ("1.2亿元", "120,000,000"),
        ("3.5萬", "3.5万"),
        ("两万五", 25000),
        ("一亿二千万", "1.2亿"),
        ("1亿2000万", "1.2亿"),
        ("3万5千元", 35000),
        ("5百", 500),
        ("5千克", 5),
        ("5千元", 5000),
        ("叁佰贰拾元", 320),
        ("二〇二四年", 2024),
        ("三百二", 320),
        ("一千零一", 1001),
        ("三点五", 3.5),
        ("四分之三", 0.75),
        ("10分之3", 0.3),
        ("二又三分之一", "7/3"),
        ("百分之二十", "20%"),
        ("½", 0.5),
        ("1½ cups", 1.5),
        ("答案是三个苹果", 3),
        ("他有两个", 2),
        ("三百二十", "叁佰贰拾"),
    ],
)
def test_reads_chinese_and_full_width_numbers(completion: str, reference: object) -> None:
    assert grade(completion, reference).score == 1


@pytest.mark.parametrize(
    "completion", ["十分高兴", "一共", "七八个", "三三两两", "万一", "千万别", "第一", "一样多", "三" * 500]
)
def test_words_that_only_look_like_chinese_numbers_are_none(completion: str) -> None:
    assert grade(completion, 7).reason == "no number in the completion"


def test_a_single_chinese_digit_does_not_take_the_place_of_a_number_in_digits() -> None:
    assert grade("共12本,每人一本,所以有12个人。两个班", 12).score == 1


def test_a_large_unit_may_stay_only_where_the_prompt_asks_in_it() -> None:
    assert grade("3.5万元", "3.5", prompt="一共多少万元？").score == 1
    assert grade("3.5", "3.5万", prompt="一共多少万元？").score == 1
    assert grade("3.5亿元", "3.5", prompt="一共多少万元？").score == 0
    assert grade("0.35亿元", "350万", prompt="一共多少万元？").score == 0
    assert grade("0.035亿元", "350", prompt="一共多少万元？").score == 1
    assert grade("35000元", "3.5", prompt="一共多少元？").score == 0
    assert grade("3.5万元", "3.5", prompt="一共多少元？").score == 0


def test_a_discount_is_text_unless_asked_for_by_field_or_prompt() -> None:
    assert grade("打75折后是60元,再打75折", 60).score == 1
    assert grade("75折", 75).score == 0
    for written in ("75折", "7.5折", "七五折", "0.75", "75%"):
        assert grade(written, "75折", discounts=True).score == 1
    assert grade("打八折", 0.8, discounts=True).score == 1
    assert grade("8.5折", "8.5", prompt="打了几折？").score == 1
    assert grade("85折", "8.5", prompt="打了几折？").score == 1
    assert grade("75折", "75折").score is None


@pytest.mark.parametrize(
    ("completion", "reference", "score"),
    [
        ("5 km", "5 km", 1),
        ("5km away", "5 kilometres", 1),
        ("5千米", "5公里", 1),
        ("5 m", "5 km", 0),
        ("5", "5 km", 0),
        ("5 km", "5", 1),
        ("$5", "5 dollars", 1),
        ("5 USD", "$5", 1),
        ("€5", "$5", 0),
        ("共5个苹果", "5个", 1),
        ("5只", "5个", 0),
        ("3.5万千米", "35000公里", 1),
        ("5 mW", "5 MW", 0),
        ("50%", "0.5", 1),
        ("50", "50%", 0),
        ("50%", "50%", 1),
        ("10 apples", "10 Apple", 1),
        ("6 km", "5 km", 0),
    ],
)
def test_units_count_where_asked(completion: str, reference: object, score: int) -> None:
    assert grade(completion, reference, units="same").score == score


def test_a_wrong_unit_is_told_from_a_wrong_number() -> None:
    assert grade("5 m", "5 km", units="same").reason == "5 (last number) is not in the unit of 5"
    assert grade("5 m", "5 km").score == 1


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


@pytest.mark.skipif("FINETUNE_ADVISOR_DATA" not in os.environ, reason="FINETUNE_ADVISOR_DATA names no folder of data")
def test_every_answer_of_gsm8k_cmath_and_the_foundry_samples_passes_as_its_own() -> None:
    folder = Path(os.environ["FINETUNE_ADVISOR_DATA"])

    def rows(*names: str) -> list[dict[str, Any]]:
        return [json.loads(line) for name in names for line in (folder / name).read_text(encoding="utf-8").splitlines()]

    chats = rows(*(f"foundry-sft-samples/gsm8k_chat_{name}.jsonl" for name in ("train", "validation")))
    sets = [
        [(row["input"], row["golden"]) for row in rows("cmath/cmath_dev.jsonl", "cmath/distractor.jsonl")],
        [(row["question"], row["answer"]) for row in rows("gsm8k/test.jsonl")],
        [(row["messages"][-2]["content"], row["messages"][-1]["content"]) for row in chats],
    ]
    passed = [sum(grade(gold, gold, prompt).score == 1 for prompt, gold in pairs) for pairs in sets]
    assert passed == [960, 1319, len(chats)]
    assert sum(grade(f"列式计算。答：一共是{gold}。", gold, prompt).score == 1 for prompt, gold in sets[0]) == 960


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        ("They sold 1.5 million tickets", 1_500_000),
        ("$2 billion", "2,000,000,000"),
        ("The answer is 3 x 4 = 12", 12),
        (r"The answer is 3 \times 4 = 12", 12),
        ("The room has 72 m^2", 72),
        ("72 m/s^2", 72),
        ("The answer is 10^3", 1000),
        ("10³", 1000),
        ("1.2×10³", 1200),
        ("5 × 10⁻²", 0.05),
        ("1\u202f200\u00a0000", 1_200_000),
        ("负五", -5),
        ("答案是负三百二十", -320),
    ],
)
def test_numbers_as_people_write_them(completion: str, reference: object) -> None:
    assert Numeric().grade(Sample("", completion, reference)).score == 1


def test_a_number_of_millions_is_meant_where_the_prompt_asks_in_millions() -> None:
    assert Numeric().grade(Sample("How many million people live there?", "1.5", "1.5 million")).score == 1
    assert Numeric().grade(Sample("How many people live there?", "1.5", "1.5 million")).score == 0
    assert Numeric().grade(Sample("", "9^9^9^9 and 99999999^99999999", 9)).score == 0
