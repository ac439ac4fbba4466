"""Templates are filled in one pass; numbered placeholders are recognised and said."""

import pytest

from graders.errors import UserError
from pipelines.data.template import check_template, fill_template


def filled(template, cells):
    return fill_template(template, cells, cells)


def test_places_are_filled_once():
    assert filled("{{a}} and {{ item.b }}", {"a": "{{b}}", "b": "two"}) == "{{b}} and two"


def test_values_are_written_as_text():
    cells = {"n": 8.0, "gone": None, "list": [1, "é"], "deep": {"x": {"y": "z"}}}
    assert filled("{{n}}|{{gone}}|{{list}}|{{deep.x.y}}|{{item.deep.x}}", cells) == '8.0||[1, "é"]|z|{"y": "z"}'


def test_a_column_called_item_keeps_its_parts():
    assert filled("{{item.q}}", {"item": {"q": "why"}}) == "why"


def test_an_unknown_place_is_answered_with_the_right_one():
    with pytest.raises(UserError) as caught:
        check_template("{{questoin}}", ["question", "answer"], "a.csv")
    assert 'did you mean "question"?' in str(caught.value)
    with pytest.raises(UserError, match="no place to fill"):
        check_template("plain", ["question"], "a.csv")


def test_prompt_and_system_come_from_templates(load):
    made = [{"target": "7", "nums": "[3, 4]"}, {"target": "9", "nums": "[4, 5]"}]
    rows = load(made, prompt="Make {{target}} from {{nums}}.", system="You know {{nums}}.")
    assert [turn["content"] for turn in rows.rows[1].messages] == ["You know [4, 5].", "Make 9 from [4, 5]."]
    assert rows.roles["prompt"] == "template"


def test_a_template_keeps_the_answer_of_a_conversation(load):
    turns = [{"role": "user", "content": "old"}, {"role": "assistant", "content": "yes"}]
    row = load([{"messages": turns, "topic": "figs"}], prompt="About {{topic}}?").rows[0]
    assert (row.prompt, row.completion, len(row.messages)) == ("About figs?", "yes", 1)


PLACED = [
    {"Question": f"Ann has number0 figs and eats number1 of {n} .", "Numbers": f"{n}.0 1.5", "Sum": "- number0 number1",
     "ids": "[1, 2, 3]", "Answer": str(n)}
    for n in range(5, 25)
]  # fmt: skip


def test_placeholders_are_filled_from_the_column_that_has_their_values(load):
    rows = load(PLACED)
    assert rows.rows[0].prompt == "Ann has 5 figs and eats 1.5 of 5 ."
    note = next(note for note in rows.notes if "placeholders" in note)
    assert 'number0, number1 ... are filled from column "Numbers"' in note
    assert "Ann has 5 figs" in note


def test_an_answer_over_placeholders_is_filled_too(load):
    assert load(PLACED, columns={"completion": "Sum"}).rows[0].completion == "- 5 1.5"


def test_places_stand_as_they_are_where_the_plan_says_keep(load):
    rows = load(PLACED, placeholders="keep", columns={"completion": "Sum"})
    assert rows.rows[0].prompt == "Ann has number0 figs and eats number1 of 5 ."
    assert rows.rows[0].completion == "- number0 number1"
    assert not any("placeholders" in note for note in rows.notes)


@pytest.mark.parametrize("numbers", ["8, 2", [8.0, 2], "[8, 2.0]"])
def test_values_may_be_parted_by_commas_or_be_a_list(load, numbers):
    rows = load([{"question": "[NUM_1] and [NUM_2] pears?", "values": numbers, "answer": "x"}] * 3)
    assert rows.rows[0].prompt == "8 and 2 pears?"


def test_words_with_an_index_are_left_alone_without_a_column_that_fits(load):
    made = [
        {"question": f"Do step1 and step2 for x{n}.", "notes": "some words of any number", "answer": "y"}
        for n in range(20)
    ]
    rows = load(made)
    assert rows.rows[0].prompt == "Do step1 and step2 for x0."
    assert not any("placeholders" in note for note in rows.notes)
    single = load([{"question": f"def return1(): # {n}", "task": "test", "answer": "y"} for n in range(20)])
    assert single.rows[0].prompt.startswith("def return1()")
