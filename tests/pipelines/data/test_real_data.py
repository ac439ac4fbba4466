"""Public sets in their original formats, where FINETUNE_ADVISOR_DATA names their folder; skipped elsewhere."""

import os
from pathlib import Path

import pytest

from pipelines.data.load import load_rows
from pipelines.data.spec import DataSpec

FOLDER = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere"))

SETS = [
    ("mawps/fold0_train.csv", 1537, {"prompt": "Question", "completion": "Answer"}),
    ("banking77/train.csv", 10003, {"prompt": "text", "completion": "category"}),
    ("gsm8k/test.jsonl", 1319, {"prompt": "question", "completion": "answer"}),
    ("mwp-reft/svamp_nl.json", 3076, {"prompt": "question", "completion": "answer_cot", "reference": "answer_value"}),
    ("mwp-reft/svamp_test_set.json", 1000, {"prompt": "question", "reference": "answer_value"}),
    ("sroie/sroie.jsonl", 626, {"prompt": "text", "reference": "fields"}),
    ("cmath/cmath_dev.jsonl", 600, {"prompt": "input", "reference": "golden"}),
    ("mbpp/mbpp.jsonl", 974, {"prompt": "text", "completion": "code"}),
    ("humaneval/HumanEval.jsonl.gz", 164, {"prompt": "prompt", "completion": "canonical_solution"}),
    (
        "defog-text2sql/questions_gen_sqlite.csv",
        210,
        {"prompt": "question", "context": "instructions", "completion": "query"},
    ),
    ("foundry-rft-countdown/countdown_train_100.jsonl", 100, {"messages": "messages", "reference": "target, nums"}),
    ("foundry-sft-samples/stock_toolcall_training.jsonl", 86, {"messages": "messages", "completion": "messages"}),
    (
        "foundry-dpo-orca/validation.jsonl",
        284,
        {"prompt": "input", "chosen": "preferred_output", "rejected": "non_preferred_output"},
    ),
    ("hh-rlhf-harmless/test.jsonl.gz", 2312, {"chosen": "chosen", "rejected": "rejected"}),
]


@pytest.mark.parametrize(("name", "num_rows", "roles"), SETS, ids=[name for name, _, _ in SETS])
def test_a_public_set_is_read_as_it_is_meant(name: str, num_rows: int, roles: dict[str, str]) -> None:
    if not (FOLDER / name).exists():
        pytest.skip("FINETUNE_ADVISOR_DATA does not name a folder that has it")
    rows = load_rows(name, DataSpec(train=name), FOLDER)
    assert len(rows.rows) == num_rows
    assert rows.roles == roles
