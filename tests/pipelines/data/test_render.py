"""The prompt is what sampling starts from, and exactly the answer with its stop token carries loss."""

import pytest

from graders.errors import UserError
from pipelines.data.render import NO_LOSS, encode, encode_prompt, ensure_template, stop_token_ids
from pipelines.data.show import show
from tests.pipelines.data.conftest import CHATML, make_rows

ASK = [{"role": "user", "content": "how many pears: 7"}]


def parts(tokenizer, encoded):
    trained = [token for token in encoded.labels if token != NO_LOSS]
    assert encoded.labels[: encoded.prompt_len] == [NO_LOSS] * encoded.prompt_len
    assert encoded.labels[encoded.prompt_len :] == encoded.input_ids[encoded.prompt_len :] == trained
    return tokenizer.decode(encoded.input_ids[: encoded.prompt_len]), tokenizer.decode(trained)


def test_the_answer_and_its_stop_token_carry_loss(tokenizer):
    encoded = encode(tokenizer, ASK, "the answer is 7", {})
    prompt, answer = parts(tokenizer, encoded)
    assert prompt == "<|start|>user\nhow many pears: 7<|stop|>\n<|start|>assistant\n"
    assert answer == "the answer is 7<|stop|>"
    assert encoded.input_ids[: encoded.prompt_len] == encode_prompt(tokenizer, ASK, {})


def test_a_token_over_the_border_is_cut_there(tokenizer):
    whole = tokenizer("<|start|>assistant\nyes", add_special_tokens=False)["input_ids"]
    assert (
        whole
        != tokenizer("<|start|>assistant\n", add_special_tokens=False)["input_ids"] + tokenizer("yes")["input_ids"]
    )
    encoded = encode(tokenizer, ASK, "yes", {})
    assert encoded.input_ids[: encoded.prompt_len] == encode_prompt(tokenizer, ASK, {})
    assert parts(tokenizer, encoded)[1] == "yes<|stop|>"


def test_sampling_stops_at_both_end_tokens(tokenizer):
    assert tokenizer.convert_ids_to_tokens(stop_token_ids(tokenizer, {})) == ["<|stop|>", "<|end|>"]


def test_an_end_token_is_added_where_the_template_has_none(tokenizer):
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    assert parts(tokenizer, encode(tokenizer, ASK, "yes", {})) == ("how many pears: 7\n", "yes\n<|end|>")


def test_a_tokenizer_without_template_gets_the_default_one(tokenizer):
    tokenizer.chat_template = None
    chat = [{"role": "system", "content": "Be kind."}, *ASK]
    assert parts(tokenizer, encode(tokenizer, chat, "yes", {})) == (
        "Be kind.\n\nUser: how many pears: 7\nAssistant:",
        " yes<|end|>",
    )
    assert tokenizer.chat_template
    assert ensure_template(tokenizer) is None


THINK_ALWAYS = CHATML.replace("<|start|>assistant\n{% endif %}", "<|start|>assistant\n<think>\n{% endif %}")
THINK_EMPTY = CHATML.replace(
    "<|start|>assistant\n{% endif %}", "<|start|>assistant\n<think>\n\n</think>\n\n{% endif %}"
)
DROPS_REASONING = CHATML.replace("m['content'] }}", "m['content'].split('</think>')[-1].strip() }}")
EMPTY_IN_CHAT = CHATML.replace(
    "{{ m['content'] }}", "{% if m['role'] == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ m['content'] }}"
)


@pytest.mark.parametrize(
    ("template", "completion", "prompt_end", "answer"),
    [
        (THINK_EMPTY, "7 pears", "<think>\n\n</think>\n\n", "7 pears<|stop|>"),
        (THINK_ALWAYS, "7 pears", "<think>\n", "\n</think>\n\n7 pears<|stop|>"),
        (THINK_ALWAYS, "<think>\nhm\n</think>\n\n7", "<think>\n", "hm\n</think>\n\n7<|stop|>"),
        (DROPS_REASONING, "<think>\nhm\n</think>\n\n7", "assistant\n", "<think>\nhm\n</think>\n\n7<|stop|>"),
        (EMPTY_IN_CHAT, "7 pears", "assistant\n", "<think>\n\n</think>\n\n7 pears<|stop|>"),
        (EMPTY_IN_CHAT, "<think>\nhm\n</think>\n\n7", "assistant\n", "<think>\nhm\n</think>\n\n7<|stop|>"),
    ],
)
def test_thinking_blocks_that_stand_on_one_side_alone(tokenizer, template, completion, prompt_end, answer):
    tokenizer.chat_template = template
    prompt, trained = parts(tokenizer, encode(tokenizer, ASK, completion, {}))
    assert prompt.endswith(prompt_end)
    assert trained == answer


def test_reasoning_after_a_closed_thinking_block_is_refused(tokenizer):
    tokenizer.chat_template = THINK_EMPTY
    with pytest.raises(UserError, match="enable_thinking: true"):
        encode(tokenizer, ASK, "<think>\nhm\n</think>\n\n7", {})


def test_a_template_that_rewrites_the_prompt_is_refused(tokenizer):
    tokenizer.chat_template = "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(UserError, match="renders the prompt otherwise"):
        encode(tokenizer, ASK, "yes", {})


def test_a_template_that_refuses_a_turn_is_explained(tokenizer):
    tokenizer.chat_template = "{{ raise_exception('System role not supported') }}"
    with pytest.raises(UserError, match="System role not supported"):
        encode_prompt(tokenizer, ASK, {})


def test_template_arguments_reach_the_template(tokenizer):
    tokenizer.chat_template = "{% if loud %}LOUD {% endif %}" + CHATML
    assert tokenizer.decode(encode_prompt(tokenizer, ASK, {"loud": True})).startswith("LOUD")


def test_tool_calls_carry_loss(tokenizer):
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    turn = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert parts(tokenizer, encode(tokenizer, ASK, turn, {}))[1] == "<call>find</call><|stop|>"


def test_arguments_of_tool_calls_reach_the_template_as_objects(tokenizer):
    tokenizer.chat_template = CHATML.replace("call['function']['name']", "call['function']['arguments'] | tojson")
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"kind": "fig"}'}}
    turn = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert parts(tokenizer, encode(tokenizer, ASK, turn, {}))[1] == '<call>{"kind": "fig"}</call><|stop|>'
    assert call["function"]["arguments"] == '{"kind": "fig"}'


def test_shown_rows_mark_what_carries_loss(tokenizer):
    rows = make_rows(("no answer", None), ("how many?", "7 pears"), ("long", "x" * 9000))
    texts = show(tokenizer, rows)
    assert len(texts) == 2
    assert "⟦7 pears<|stop|>⟧" in texts[0].plain
    assert "tokens carry loss" in texts[0].plain
    styled = [texts[0].plain[span.start : span.end] for span in texts[0].spans if "green" in str(span.style)]
    assert styled == ["7 pears<|stop|>"]
    assert len(texts[1].plain) < 2000
    assert "nothing carries loss" in show(tokenizer, make_rows(("a", None)))[0].plain
