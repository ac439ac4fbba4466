"""The split follows from the prompts alone and shares none between parts."""

import pytest

from graders.errors import UserError
from pipelines.data.rows import Rows
from pipelines.data.spec import DataSpec, SplitSpec
from pipelines.data.split import limit_rows, load_split, prompt_hash, split_rows
from tests.pipelines.data.conftest import make_rows


def many(count: int, word: str = "fig") -> Rows:
    return make_rows(*((f"How many {word}s in box {n}?", str(n)) for n in range(count)))


def prompts(rows: Rows) -> set[str]:
    return {row.prompt for row in rows.rows}


def test_shares_are_about_what_was_asked_for():
    split = split_rows(many(2000), SplitSpec())
    sizes = [len(part.rows) for part in (split.train, split.validation, split.test)]
    assert sum(sizes) == 2000
    assert abs(sizes[1] - 200) < 45
    assert abs(sizes[2] - 400) < 60


def test_rows_stay_where_they_are_when_rows_are_added():
    before, after = split_rows(many(400), SplitSpec()), split_rows(many(900), SplitSpec())
    for name in ("train", "validation", "test"):
        assert prompts(getattr(before, name)) <= prompts(getattr(after, name))


def test_the_same_prompt_never_stands_in_two_parts():
    variants = ["How many figs in box {}?", "how many  FIGS in box {}? ", "How many ﬁgs in box {}?"]
    rows = make_rows(*((text.format(n), str(n)) for n in range(300) for text in variants))
    split = split_rows(rows, SplitSpec())
    parts = [{prompt_hash(row) for row in part.rows} for part in (split.train, split.validation, split.test)]
    assert [len(part) for part in parts if part] and len(parts[0] | parts[1] | parts[2]) == 300
    assert sum(map(len, parts)) == 300


def test_the_system_turn_belongs_to_the_prompt(load):
    rows = load([{"system": system, "question": "a", "answer": "b"} for system in ("kind", "stern")])
    assert prompt_hash(rows.rows[0]) != prompt_hash(rows.rows[1])


def test_under_200_rows_there_is_no_validation_part():
    split = split_rows(many(199), SplitSpec())
    assert not split.validation.rows
    assert any("the last checkpoint will be taken" in note for note in split.notes)
    assert prompts(split.test) <= prompts(split_rows(many(200), SplitSpec()).test)


def test_files_of_their_own_take_no_share_and_their_prompts_leave_train():
    train, validation, test = many(300), many(20), many(10)
    split = split_rows(train, SplitSpec(), validation, test)
    assert [len(part.rows) for part in (split.train, split.validation, split.test)] == [280, 10, 10]
    assert "10 rows of made were dropped: their prompts are in the test file" in split.notes
    assert "10 rows of made were dropped: their prompts are in test" in split.notes
    assert "10 rows of made were dropped: their prompts are in validation" in split.notes


def test_an_empty_part_says_what_to_do():
    with pytest.raises(UserError, match="--test"):
        split_rows(many(300), SplitSpec(test=0))
    with pytest.raises(UserError, match="no rows are left to train on"):
        split_rows(many(30), SplitSpec(), None, many(30))


def test_limit_is_the_same_choice_each_time_and_fills_every_part():
    rows = many(2000)
    chosen = limit_rows(rows, 500)
    assert chosen.rows == limit_rows(rows, 500).rows
    assert [row.number for row in chosen.rows] == sorted(row.number for row in chosen.rows)
    assert prompts(limit_rows(rows, 100)) <= prompts(chosen)
    split = split_rows(chosen, SplitSpec())
    assert len(split.train.rows) > 300 and len(split.test.rows) > 60
    assert "limited to 500 of 2000 rows, chosen by hash" in chosen.notes


def test_load_split_reads_all_files_and_limits_train_alone(write):
    made = [{"question": f"Box {n}?", "answer_cot": f"It is {n}.", "answer_value": n} for n in range(300)]
    write("train.jsonl", made)
    folder = write("test.jsonl", [{"question": f"Bag {n}?", "answer_value": n} for n in range(50)])
    columns = {"completion": "answer_cot", "reference": "answer_value"}
    spec = DataSpec(train="train.jsonl", test="test.jsonl", limit=250, columns=columns)
    split = load_split(spec, folder)
    assert len(split.train.rows) + len(split.validation.rows) == 250
    assert len(split.test.rows) == 50
    assert split.test.rows[3].expected == 3
    with pytest.raises(UserError, match='no column "worked"'):
        load_split(spec.model_copy(update={"columns": {"completion": "worked"}}), folder)
