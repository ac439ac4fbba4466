"""Each layout is recognised from its columns, and what the user names wins."""

import json

import pytest

from graders.errors import UserError

USER = {"role": "user", "content": "Which fruit?"}
PEAR = {"role": "assistant", "content": "A pear."}
FIG = {"role": "assistant", "content": "A fig."}


def one(rows):
    return rows.rows[0]


def test_messages_keep_the_last_assistant_turn_as_completion(load):
    earlier = [{"role": "system", "content": "Be kind."}, USER, FIG, {"role": "user", "content": "Another?"}, PEAR]
    rows = load([{"messages": earlier}])
    assert one(rows).completion == "A pear."
    assert [turn["role"] for turn in one(rows).messages] == ["system", "user", "assistant", "user"]
    assert one(rows).prompt == "Another?"
    assert rows.roles == {"messages": "messages", "completion": "messages"}
    assert any("only the last assistant turn is trained; 1 rows" in note for note in rows.notes)


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        (("问题", "答案"), {"prompt": "问题", "completion": "答案"}),
        (("题目", "解题过程", "标准答案"), {"prompt": "题目", "completion": "解题过程", "reference": "标准答案"}),
        (("指令", "输入", "输出"), {"prompt": "指令", "context": "输入", "completion": "输出"}),
        (("编号", "文本", "类别"), {"prompt": "文本", "completion": "类别"}),
        (("提示", "优选回答", "落选回答"), {"prompt": "提示", "chosen": "优选回答", "rejected": "落选回答"}),
    ],
)
def test_chinese_columns_count_as_the_english_ones_that_they_mean(load, columns, roles):
    assert load([{column: f"{column} {n}" for column in columns} for n in range(3)]).roles == roles


def test_messages_with_other_columns_are_rft_rows(load):
    rows = load([{"messages": [USER], "target": "7", "nums": "[1, 2]", "id": "x"}])
    assert rows.layout == "messages+reference"
    assert one(rows).reference == {"target": "7", "nums": "[1, 2]"}
    assert rows.roles["reference"] == "target, nums"
    assert one(load([{"messages": [USER], "target": "7"}])).reference == "7"
    assert one(load([{"messages": [USER], "answer": "7", "hint": "odd"}])).reference == "7"


def test_tool_calls_are_kept_for_sft(load):
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    turn = {"role": "assistant", "content": None, "tool_calls": [call]}
    tools = [{"type": "function", "function": {"name": "find"}}]
    row = one(load([{"messages": [USER, turn], "tools": tools}]))
    assert (row.completion, row.tool_calls, row.tools) == ("", (call,), tuple(tools))
    assert row.answer == {"role": "assistant", "content": "", "tool_calls": [call]}


def test_openai_preference_rows(load):
    rows = load([{"input": {"messages": [USER]}, "preferred_output": [PEAR], "non_preferred_output": [FIG]}])
    assert (one(rows).prompt, one(rows).chosen, one(rows).rejected) == ("Which fruit?", "A pear.", "A fig.")
    assert rows.layout == "prompt+chosen/rejected"


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        ("\n\nHuman: Which fruit?\n\nAssistant: A pear.", "\n\nHuman: Which fruit?\n\nAssistant: A fig."),
        ([USER, PEAR], [USER, FIG]),
        (json.dumps([USER, PEAR]), json.dumps([USER, FIG])),
    ],
)
def test_pairs_of_whole_conversations_share_their_prompt(load, chosen, rejected):
    rows = load([{"chosen": chosen, "rejected": rejected}])
    assert one(rows).messages == (USER,)
    assert (one(rows).chosen, one(rows).rejected) == ("A pear.", "A fig.")
    assert rows.roles == {"chosen": "chosen", "rejected": "rejected"}


def test_pairs_of_different_prompts_give_no_pair(load):
    pair = {"chosen": [USER, PEAR], "rejected": [{"role": "user", "content": "What else?"}, FIG]}
    rows = load([pair])
    assert (one(rows).chosen, one(rows).rejected) == (None, None)
    assert any("1 of 1 rows give no pair" in note for note in rows.notes)


def test_pairs_with_a_prompt_of_their_own(load):
    row = one(load([{"prompt": "Which fruit?", "chosen": "A pear.", "rejected": "A fig."}]))
    assert (row.prompt, row.chosen, row.rejected) == ("Which fruit?", "A pear.", "A fig.")
    row = one(load([{"prompt": "Which fruit?", "chosen": [USER, PEAR], "rejected": [USER, FIG]}]))
    assert (row.messages, row.chosen) == ((USER,), "A pear.")


def test_answers_counted_from_zero_have_verdicts_counted_from_zero(load):
    rows = load([
        {"prompt": f"p{n}", "response_0": "a", "response_1": "b", "better_response_id": n % 2} for n in range(4)
    ]).rows  # fmt: skip
    assert [(row.chosen, row.rejected) for row in rows] == [("a", "b"), ("b", "a")] * 2


def test_two_answers_with_votes_become_pairs_by_majority(load):
    base = {"instruction": "Which?", "input": "pear or fig", "response1": "pear", "response2": "fig"}
    votes = [(1, 1, 0), (2, 1, 2), (0, 0, 1), (1, 2, 0)]
    rows = load([{**base, "annotator1": a, "annotator2": b, "annotator3": c} for a, b, c in votes])
    assert [row.chosen for row in rows.rows] == ["pear", "fig", None, None]
    assert rows.layout == "two answers+verdict"
    rows = load([{"input": "Which?", "output_1": "pear", "output_2": "fig", "label": 2}])
    assert (one(rows).chosen, one(rows).rejected) == ("fig", "pear")


def test_sharegpt(load):
    turns = [{"from": "system", "value": "Be kind."}, {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yo"}]
    rows = load([{"conversations": turns}])
    assert rows.layout == "sharegpt"
    assert (one(rows).prompt, one(rows).completion) == ("Hi", "Yo")
    assert one(rows).messages[0] == {"role": "system", "content": "Be kind."}


def test_alpaca_joins_instruction_and_input(load):
    rows = load([
        {"instruction": "Name a fruit.", "input": "It is green.", "output": "Pear"},
        {"instruction": "Name a fruit.", "input": "", "output": "Fig"},
    ])  # fmt: skip
    assert [row.prompt for row in rows.rows] == ["Name a fruit.\n\nIt is green.", "Name a fruit."]
    assert rows.layout == "alpaca"


def test_a_context_stands_before_its_question_unless_the_question_holds_it(load):
    assert one(load([{"question": "Who?", "context": "Ann ate.", "answer": "Ann"}])).prompt == "Ann ate.\n\nWho?"
    assert one(load([{"Body": "Ann ate.", "Question": "Ann ate. Who?", "Answer": "Ann"}])).prompt == "Ann ate. Who?"


def test_options_are_lettered_under_the_question(load):
    row = one(load([{"question": "Which is green?", "choices": ["plum", "pear"], "answer": "B"}]))
    assert row.prompt == "Which is green?\n\nA. plum\nB. pear"


@pytest.mark.parametrize(
    ("columns", "roles", "layout"),
    [
        ({"prompt": "a", "completion": "b"}, {"prompt": "prompt", "completion": "completion"}, "prompt+completion"),
        ({"prompt": "a", "reference": "b"}, {"prompt": "prompt", "reference": "reference"}, "prompt+reference"),
        ({"Question": "a", "Answer": "6"}, {"prompt": "Question", "completion": "Answer"}, "prompt+completion"),
        ({"text": "a", "category": "b"}, {"prompt": "text", "completion": "category"}, "prompt+completion"),
        ({"text": "a", "label": 1}, {"prompt": "text", "completion": "label"}, "prompt+completion"),
        ({"input": "a", "golden": "9"}, {"prompt": "input", "reference": "golden"}, "prompt+reference"),
        ({"id": "1", "text": "a", "fields": {"b": 1}}, {"prompt": "text", "reference": "fields"}, "prompt+reference"),
        ({"question": "a", "query": "SELECT 1"}, {"prompt": "question", "completion": "query"}, "prompt+completion"),
        (
            {"problem": "a", "solution": "b", "answer": "9"},
            {"prompt": "problem", "completion": "solution", "reference": "answer"},
            "prompt+completion+reference",
        ),
        (
            {"question": "a", "answer": "b", "Final Answer": "9"},
            {"prompt": "question", "completion": "answer", "reference": "Final Answer"},
            "prompt+completion+reference",
        ),
        (
            {"system": "s", "query": "a", "response": "b"},
            {"prompt": "query", "system": "system", "completion": "response"},
            "prompt+completion",
        ),
        (
            {"prompt": "a", "completion": "b", "label": True},
            {"prompt": "prompt", "completion": "completion", "desirable": "label"},
            "kto",
        ),
    ],
)
def test_columns_are_known_by_their_names(load, columns, roles, layout):
    rows = load([columns])
    assert rows.roles == roles
    assert rows.layout == layout


def test_kto_labels_may_be_words(load):
    rows = load([{"prompt": "a", "completion": "b", "label": label} for label in ("True", "false")])
    assert [row.desirable for row in rows.rows] == [True, False]


def test_values_that_are_not_text_become_text(load):
    rows = load([{"prompt": "a", "completion": {"n": "é"}}, {"prompt": "b", "completion": 6}])
    assert [row.completion for row in rows.rows] == ['{"n": "é"}', "6"]


def test_rows_may_lack_the_demonstration(load):
    rows = load([
        {"question": "a", "solution": "1 + 1 = 2", "answer": "2"},
        {"question": "b", "answer": "3"},
        {"question": "c", "solution": None, "answer": "4"},
        {"question": "d", "solution": " ", "answer": "5"},
    ])  # fmt: skip
    assert [row.completion for row in rows.rows] == ["1 + 1 = 2", None, None, None]
    assert [row.expected for row in rows.rows] == ["2", "3", "4", "5"]
    assert "1 rows have a demonstration; the other 3 have a reference alone" in rows.notes


def test_named_columns_win(load):
    made = [{"question": "a", "other": "b", "answer": "c", "worked": "d"}]
    rows = load(made, columns={"prompt": "other", "completion": "worked"})
    assert (one(rows).prompt, one(rows).completion, one(rows).reference) == ("b", "d", "c")


def test_a_wrong_name_is_answered_with_the_right_one(load):
    with pytest.raises(UserError) as caught:
        load([{"question": "a", "answer": "b"}], columns={"prompt": "qestion"})
    assert 'no column "qestion"' in str(caught.value)
    assert 'did you mean "question"?' in str(caught.value)
    assert "question, answer" in str(caught.value)


def test_one_side_of_a_pair_is_not_enough(load):
    with pytest.raises(UserError, match="only one side"):
        load([{"prompt": "a", "good": "b", "bad": "c"}], columns={"chosen": "good"})


def test_no_prompt_says_how_to_name_it(load):
    with pytest.raises(UserError) as caught:
        load([{"id": 1, "target": "7", "nums": "[1]"}])
    assert "the columns are: id, target, nums" in str(caught.value)
    assert "--column prompt=NAME" in str(caught.value)
    assert "{{target}}" in str(caught.value)


def test_a_cell_that_is_no_conversation_is_named_with_its_row(load):
    with pytest.raises(UserError, match=r"rows\.jsonl:2"):
        load([{"messages": [USER, PEAR]}, {"messages": "hello"}])


def test_images_are_refused_with_their_row(load):
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "this?"}]
    assert one(load([{"messages": [{"role": "user", "content": parts}, PEAR]}])).prompt == "What is this?"
    with pytest.raises(UserError, match=r"rows\.jsonl:1: a turn holds a part that is not text"):
        load([{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}])


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        ([str(n) for n in range(30)], "answers are bare numbers, no worked steps: 30 of 30"),
        (["yes", "no"] * 15, "answers are labels: 2 kinds in 30 rows"),
        (['{"a": 1}'] * 30, "answers are JSON objects: 30 of 30"),
        ([f"town {chr(65 + n)}" for n in range(30)], "answers are short, no worked steps: 30 of 30"),
    ],
)
def test_notes_say_what_the_answers_are(load, answers, note):
    assert note in load([{"question": f"q{n}", "answer": answer} for n, answer in enumerate(answers)]).notes
