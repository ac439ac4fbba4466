"""Rows become what trainers take; what is dropped or repeated is counted."""

import pytest

from graders.errors import UserError
from pipelines.data.formats import label_copies, prompt_examples, sft_examples
from pipelines.data.rows import Row, Rows
from tests.pipelines.data.conftest import make_rows


def test_long_rows_are_dropped_and_counted_never_truncated(tokenizer):
    rows = make_rows(("a", "7"), ("b", "7" * 500), ("c", None), ("d", "8"))
    made = sft_examples(rows, tokenizer, 100, {})
    assert made.row_numbers == [1, 4]
    assert (made.too_long, made.without_demonstration) == ((2,), 1)
    assert all(len(example["input_ids"]) == len(example["labels"]) <= 100 for example in made.examples)
    assert made.notes == (
        "1 rows are longer than 100 tokens and were dropped: 2",
        "1 rows without a demonstration were not used",
    )


def test_nothing_left_says_why(tokenizer):
    with pytest.raises(UserError, match="has a demonstration"):
        sft_examples(make_rows(("a", None)), tokenizer, 100, {})
    with pytest.raises(UserError, match="raise max_length"):
        sft_examples(make_rows(("a", "b" * 500)), tokenizer, 100, {})


def test_rare_labels_are_repeated_by_the_inverse_root_and_at_most_ten_times():
    rows = make_rows(*((f"q{n}", "a") for n in range(1600)), *((f"b{n}", "b") for n in range(100)), ("x", "c"))
    copies = label_copies(rows.rows)
    assert set(copies[:1600]) == {1}
    assert set(copies[1600:1700]) == {4}
    assert copies[1700] == 10


def test_a_broken_weight_is_met_on_average():
    rows = make_rows(*((f"q{n}", "a") for n in range(90)), *((f"b{n}", "b") for n in range(40)))
    copies = label_copies(rows.rows)[90:]
    assert sum(copies) == 60
    assert set(copies) == {1, 2}


def test_balance_repeats_examples_and_says_so(tokenizer):
    rows = make_rows(*((f"q{n}", "a") for n in range(16)), ("x", "b"))
    made = sft_examples(rows, tokenizer, 100, {}, "label")
    assert made.row_numbers.count(17) == 4
    assert "rare labels are repeated: 3 examples more" in made.notes


def test_balance_needs_labels(tokenizer):
    with pytest.raises(UserError, match="completions that are labels"):
        sft_examples(make_rows(("a", "x"), ("b", "y"), ("c", "z")), tokenizer, 100, {}, "label")


def test_prompts_for_sampling_keep_the_way_back_to_their_row():
    made = prompt_examples(make_rows(("a", "1"), ("b", None)))
    assert made[1] == {"prompt": [{"role": "user", "content": "b"}], "row_index": 1}


def test_rl_on_tools_is_refused():
    row = Row(7, ({"role": "user", "content": "a"},), tools=({"type": "function"},))
    with pytest.raises(UserError, match="rows with tools: 7"):
        prompt_examples(Rows("made", "messages", {}, (row,)))
