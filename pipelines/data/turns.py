"""The many ways to write a conversation → chat turns.

Known are: lists of {"role", "content"} (OpenAI) or {"from", "value"} (sharegpt), an object that keeps such a list under
"messages", any of these as JSON text in a cell, and transcripts "\\n\\nHuman: ... \\n\\nAssistant: ..." (hh-rlhf).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from graders.errors import UserError
from pipelines.data.rows import Message
from pipelines.data.text import parse_json

Turns = tuple[Message, ...]

ROLE_KEYS = ("role", "from", "speaker")
TEXT_KEYS = ("content", "value", "text")
_ROLES = {
    "human": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "ai": "assistant", "developer": "system", "function": "tool", "observation": "tool", "function_response": "tool",
}  # fmt: skip
ANSWERERS = ("assistant", *(name for name, role in _ROLES.items() if role == "assistant"))
"""How the model's side is called."""
_SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")


def read_turns(value: object) -> Turns | None:
    """The turns of a conversation, or None when the value is not one. Contents that are not text raise UserError."""
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, Mapping):
        return read_turns(value["messages"]) if isinstance(value.get("messages"), list) else _listed([value])
    return _listed(value) if isinstance(value, list) and value else None


def split_answer(turns: Turns) -> tuple[Turns, Message | None]:
    """(the prompt's turns, the assistant's last turn), or (all turns, None) when another has the last one."""
    if turns and turns[-1]["role"] == "assistant":
        return turns[:-1], turns[-1]
    return turns, None


def _from_text(text: str) -> Turns | None:
    start = text.lstrip()
    if start.startswith(("[{", "[ {", '{"messages"')):
        try:
            return read_turns(parse_json(text))
        except ValueError:
            return None
    return _transcript(text)


def _transcript(text: str) -> Turns | None:
    # split gives: what stands before the first speaker, then speaker, text, speaker, text ...
    before, *rest = _SPEAKER.split(text)
    if before.strip() or len(rest) < 4:
        return None
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return tuple({"role": _ROLES.get(who.casefold(), who.casefold()), "content": said.strip()} for who, said in pairs)


def _listed(items: list[Any]) -> Turns | None:
    turns = [_turn(item) for item in items]
    return tuple(turn for turn in turns if turn is not None) if None not in turns else None


def _turn(item: object) -> Message | None:
    if not isinstance(item, Mapping):
        return None
    role_key = next((key for key in ROLE_KEYS if isinstance(item.get(key), str)), None)
    text_key = next((key for key in TEXT_KEYS if key in item), None)
    if role_key is None or (text_key is None and not item.get("tool_calls")):
        return None
    role = str(item[role_key])
    turn: dict[str, Any] = {
        "role": _ROLES.get(role.casefold(), role),
        "content": _text(item.get(text_key or "content")),
    }
    for key in ("tool_calls", "tool_call_id", "name"):
        if item.get(key):
            turn[key] = item[key]
    return turn


def _text(content: object) -> str:
    """The text of a turn; parts of type text are joined."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        return json.dumps(content, ensure_ascii=False)
    parts = [part if isinstance(part, str) else part.get("text") for part in content]
    if None in parts:
        raise UserError(
            "a turn holds a part that is not text, such as an image",
            "turns of text alone: this version trains text",
            "leave these rows out, or describe the image in words",
        )
    return "".join(parts)
