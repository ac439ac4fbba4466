"""Public sets in their original formats, where FINETUNE_ADVISOR_DATA names their folder; skipped elsewhere."""

import os
from pathlib import Path

import pytest

from advisor.profiling.profile_file import profile_file
from advisor.profiling.record import DataReport
from pipelines.data.checks import check_rows
from pipelines.data.load import load_rows
from pipelines.data.spec import DataSpec
from tests.advisor.profiling.conftest import checks, only

FOLDER = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere"))


def profiled(name: str, **spec: str) -> DataReport:
    if not (FOLDER / name).exists():
        pytest.skip("FINETUNE_ADVISOR_DATA does not name a folder that has it")
    return profile_file(DataSpec(train=name, **spec), FOLDER)


def test_the_exclamation_marks_of_the_chat_samples():
    report = profiled("foundry-sft-samples/gsm8k_chat_train.jsonl")
    found = only(report, "same_end")
    assert '"!!!"' in found.what
    assert (found.count, found.of, found.severity) == (449, 449, "warning")
    assert "control" not in checks(report)


def test_the_skew_of_banking77():
    report = profiled("banking77/train.csv", test="banking77/test.csv")
    assert report.labels is not None
    assert (report.labels.kinds, report.labels.commonest[0][1], report.labels.rarest[0][1]) == (77, 187, 35)
    assert only(report, "skewed_labels").severity == "warning"
    assert (report.num_rows, report.num_test, report.blocked) == (10_003, 3_080, False)


def test_addresses_of_receipts_are_not_in_their_text():
    report = profiled("sroie/sroie.jsonl")
    found = {one.what.split('"')[1]: one for one in report.findings if one.check == "label_not_in_text"}
    assert (found["address"].count, found["address"].of, found["address"].severity) == (616, 625, "warning")
    assert (found["company"].count, found["date"].count, found["total"].count) == (63, 4, 1)
    assert found["total"].severity == "info"


def test_programs_of_mbpp_are_code_with_tests():
    report = profiled("mbpp/mbpp.jsonl")
    assert (report.answer_kind, report.grader.type, report.answers_are) == ("code", "code_tests", "demonstrations")
    assert '"test_list" holds tests' in only(report, "tests_of_code").what


def test_five_pairs_of_hh_rlhf_answer_different_prompts():
    report = profiled("hh-rlhf-harmless/test.jsonl.gz")
    assert only(report, "different_prompts").count == 5
    assert "preferences audit" in only(report, "preferences").fix
    assert report.num_rows == 2_312


def test_gsm8k_is_numbers_with_worked_steps_and_a_copied_test_file_is_blocked():
    report = profiled("gsm8k/train.jsonl", test="gsm8k/test.jsonl")
    assert (report.num_rows, report.num_test, report.answer_kind) == (7_473, 1_319, "number")
    assert (report.answers_are, report.grader.type, report.blocked) == ("demonstrations", "numeric", False)
    copied = profiled("gsm8k/train.jsonl", test="gsm8k/train.jsonl")
    assert copied.findings[0].check == "copied_test_file"
    assert copied.blocked


def test_chinese_problems():
    report = profiled("cmath/cmath_dev.jsonl")
    assert (report.languages, report.grader.type) == ({"zh": 600}, "numeric")


@pytest.mark.parametrize(
    "name",
    [
        "mawps/fold0_train.csv",
        "mbpp/mbpp.jsonl",
        "humaneval/HumanEval.jsonl.gz",
        "pandalm-human-prefs/testset-v1.json",
        "foundry-dpo-orca/validation.jsonl",
        "foundry-rft-clausematching/clause_matching_validation.jsonl",
        "foundry-sft-samples/sarcasm_qa.jsonl",
        "foundry-sft-samples/stock_toolcall_training.jsonl",
        "mwp-reft/svamp_nl.json",
        "defog-text2sql/questions_gen_sqlite.csv",
    ],
)
def test_duckdb_counts_what_the_loader_reads(name):
    report = profiled(name)
    rows = load_rows(name, DataSpec(train=name), FOLDER)
    found = {one.check: one.count for one in check_rows(rows)}
    assert report.num_rows == len(rows.rows)
    assert report.num_prompts == len({tuple(str(turn["content"]) for turn in row.messages) for row in rows.rows})
    assert {one.check: one.count for one in report.findings}.get("duplicate_rows") == found.get("duplicate_rows")


def test_an_answer_written_65_and_65_0_contradicts_nothing():
    report = profiled("mawps/fold0_train.csv")
    rows = load_rows("mawps/fold0_train.csv", DataSpec(train="mawps"), FOLDER)
    (told,) = [one for one in check_rows(rows) if one.check == "contradictions"]
    assert only(report, "contradictions").count == pytest.approx(told.count, abs=20)
