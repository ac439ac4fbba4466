"""Chat turns → token ids as the model sees them, and which of them carry loss.

In training the ids of the prompt are those that sampling starts from, so that the model learns to go on from what it
will be given. Loss is on the answer up to and with its stop token. `tokenizer` is a transformers tokenizer;
`template_args` are the plan's `model.template_args` (such as enable_thinking), the same in training, sampling and
evaluation.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from graders.errors import UserError
from pipelines.data.rows import Message
from pipelines.data.text import parse_json

NO_LOSS = -100

DEFAULT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token + '\\n' }}"
    "{% else %}{{ 'User: ' + message['content'] + '\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""For tokenizers without a template of their own, as base models have: "User: ...", "Assistant: ..." and the end token.
The generation prompt ends without a space: most tokenizers join a space with the word that follows."""

_THINK, _THINK_END = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Encoded:
    """input_ids and labels (-100 where no loss) are equally long; the first `prompt_len` ids are the prompt."""

    input_ids: list[int]
    labels: list[int]
    prompt_len: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """The texts whose ids `encoded` holds; the answer's goes up to and with its stop token."""

    prompt: str
    answer: str
    encoded: Encoded


def ensure_template(tokenizer: Any) -> str | None:
    """Sets DEFAULT_TEMPLATE on a tokenizer that has none, so that it is saved with the model; returns a note then."""
    if tokenizer.chat_template:
        return None
    if tokenizer.eos_token is None:
        raise UserError(
            "the tokenizer has neither a chat template nor an end token",
            "one that ends its answers",
            "use an instruct model, or set eos_token",
        )
    tokenizer.chat_template = DEFAULT_TEMPLATE
    return 'the tokenizer has no chat template; "User: ... Assistant: ..." is used'


def encode_prompt(
    tokenizer: Any, messages: Sequence[Message], template_args: Mapping[str, Any], tools: Sequence[Any] = ()
) -> list[int]:
    """The ids that sampling starts from."""
    return _ids(tokenizer, render_prompt(tokenizer, messages, template_args, tools))


def render_prompt(
    tokenizer: Any, messages: Sequence[Message], template_args: Mapping[str, Any], tools: Sequence[Any] = ()
) -> str:
    """The text that sampling starts from."""
    return _rendered(tokenizer, messages, template_args, tools, prompt=True)


def encode(
    tokenizer: Any,
    messages: Sequence[Message],
    completion: str | Message,
    template_args: Mapping[str, Any],
    tools: Sequence[Any] = (),
) -> Encoded:
    """Prompt and answer; `completion` is a text, or an assistant turn with tool calls.

    Raises UserError where the template gives no rendering in which the answer follows the prompt.
    """
    return render(tokenizer, messages, completion, template_args, tools).encoded


def render(
    tokenizer: Any,
    messages: Sequence[Message],
    completion: str | Message,
    template_args: Mapping[str, Any],
    tools: Sequence[Any] = (),
) -> Rendered:
    """As `encode`, with the texts."""
    turn = {"role": "assistant", "content": completion} if isinstance(completion, str) else dict(completion)
    prompt = render_prompt(tokenizer, messages, template_args, tools)
    full = _rendered(tokenizer, [*messages, turn], template_args, tools, prompt=False)
    answer = answer_text(prompt, full, str(turn["content"]))
    prompt_ids = _ids(tokenizer, prompt)
    answer_ids, answer = _stopped(tokenizer, _answer_ids(tokenizer, prompt_ids, prompt + answer, answer), answer)
    labels = [NO_LOSS] * len(prompt_ids) + answer_ids
    return Rendered(prompt, answer, Encoded(prompt_ids + answer_ids, labels, len(prompt_ids)))


def stop_token_ids(tokenizer: Any, template_args: Mapping[str, Any]) -> list[int]:
    """Where sampling must stop: the tokenizer's end token, and the one with which the template ends a turn."""
    encoded = encode(tokenizer, [{"role": "user", "content": "Hello"}], "Hello", template_args)
    stops = [encoded.input_ids[-1], tokenizer.eos_token_id]
    return list(dict.fromkeys(token for token in stops if token is not None))


def answer_text(prompt: str, full: str, content: str) -> str:
    """What follows the rendered prompt: the answer, with all that the template writes around it.

    Mostly `full` begins with `prompt`, and the rest of it is the answer. Templates of thinking models also end the
    prompt with a thinking block that the whole chat lacks, or leave the answer's own reasoning out of the whole chat:
    then the answer, as given, and the template's end of turn are appended to the prompt, after closing a block that it
    leaves open.
    """
    rest = full.removeprefix(prompt)
    opened = _THINK if prompt.rstrip().endswith(_THINK) else ""
    reasons = _THINK_END in content
    if reasons and prompt.rstrip().endswith(_THINK_END):
        raise UserError(
            "the answer has reasoning, but the prompt ends with a closed thinking block",
            "reasoning only where the prompt leaves room for it",
            "set enable_thinking: true in model.template_args, or take the reasoning out of the answers",
        )
    twice = reasons and rest.count(_THINK_END) > content.count(_THINK_END)
    if rest != full and not twice and _squeezed(content) in _squeezed(opened + rest):
        return rest
    visible = content.rpartition(_THINK_END)[2].strip()
    place = full.rfind(visible) if visible else -1
    shared = _shared_length(prompt, full)
    extra = prompt[shared:]
    if place < shared or (extra.strip() and _THINK not in extra):
        raise UserError(
            "the chat template renders the prompt otherwise when an answer follows it",
            "a template whose chat begins with its own generation prompt, and keeps the answer's text",
            "choose another model, or give its tokenizer a template that does",
        )
    return _after_thinking(content.strip(), opened) + full[place + len(visible) :]


def _after_thinking(content: str, opened: str) -> str:
    """`content`, going on from a prompt whose last word is `opened`, a thinking block's begin or nothing."""
    if not opened:
        return content
    if _THINK_END in content:
        return content.removeprefix(_THINK).lstrip("\n")
    return f"\n{_THINK_END}\n\n{content}"


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _rendered(
    tokenizer: Any, messages: Sequence[Message], template_args: Mapping[str, Any], tools: Sequence[Any], *, prompt: bool
) -> str:
    import jinja2

    ensure_template(tokenizer)
    chat = [_for_template(message) for message in messages]
    try:
        text = tokenizer.apply_chat_template(
            chat, tools=list(tools) or None, tokenize=False, add_generation_prompt=prompt, **template_args
        )
    except (jinja2.TemplateError, TypeError) as error:
        raise UserError(
            f"the model's chat template refuses this row: {error}",
            f"turns that it knows; these are: {', '.join(str(message['role']) for message in messages)}",
            "put the system text into the prompt (data.prompt), or choose another model",
        ) from error
    return str(text)


def _for_template(message: Message) -> dict[str, Any]:
    """Templates want the arguments of tool calls as an object; OpenAI's files have them as JSON text."""
    if not message.get("tool_calls"):
        return dict(message)
    calls = []
    for call in message["tool_calls"]:
        function = dict(call.get("function") or {})
        if isinstance(function.get("arguments"), str):
            with suppress(ValueError):
                function["arguments"] = parse_json(function["arguments"])
        calls.append({**call, "function": function})
    return {**message, "tool_calls": calls}


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _answer_ids(tokenizer: Any, prompt_ids: list[int], whole: str, answer: str) -> list[int]:
    """Where a token would span the border, the answer is tokenised alone: sampling cannot begin inside a token."""
    whole_ids = _ids(tokenizer, whole)
    if whole_ids[: len(prompt_ids)] == prompt_ids:
        return whole_ids[len(prompt_ids) :]
    return _ids(tokenizer, answer)


def _stopped(tokenizer: Any, ids: list[int], text: str) -> tuple[list[int], str]:
    """Ends at the turn's stop token: white space after it goes, and where there is none the end token comes."""
    special = _special_ids(tokenizer)
    last = next((place for place in range(len(ids) - 1, -1, -1) if ids[place] in special), None)
    if last is not None and not tokenizer.decode(ids[last + 1 :]).strip():
        stop = tokenizer.convert_ids_to_tokens(ids[last])
        return ids[: last + 1], text[: text.rfind(stop) + len(stop)]
    if tokenizer.eos_token_id is None:
        raise UserError(
            "neither the chat template nor the tokenizer has an end token", "one to stop at", "set eos_token"
        )
    return [*ids, tokenizer.eos_token_id], text + tokenizer.eos_token


def _special_ids(tokenizer: Any) -> set[int]:
    added = getattr(tokenizer, "added_tokens_decoder", {})
    return set(tokenizer.all_special_ids) | {number for number, token in added.items() if token.special}


def _shared_length(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
