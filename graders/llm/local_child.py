"""The process of a local judge: python -P local_child.py MODEL PARENT_PID

Reads one JSON object a line from stdin, {"messages": [{"role", "content"}], "max_tokens"}, and writes one a line to
stdout: {"ready"} once the model is loaded, then {"text", "cut"} or {"error"} for each. Ends when stdin does or the
parent is gone. It imports nothing of ours.
"""

import json
import os
import sys
import threading
import time
from typing import Any


def main(name: str, parent: int) -> None:
    """Answers until there is no more to read."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not look like an answer
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    model, tokenizer = _loaded(name)
    _write(out, {"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = _answer(model, tokenizer, request["messages"], request["max_tokens"])
        except Exception as error:  # noqa: BLE001 - out of memory and the like cost this question, not the model
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        _write(out, answer)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def _write(out: Any, value: dict[str, Any]) -> None:
    out.write(json.dumps(value) + "\n")
    out.flush()


def _loaded(name: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(name, dtype="auto").to(device).eval()
    return model, AutoTokenizer.from_pretrained(name)


def _answer(model: Any, tokenizer: Any, messages: list[dict[str, str]], max_tokens: int) -> dict[str, Any]:
    import torch

    prompt = _prompt(tokenizer, [{**turn, "content": _plain(turn["content"], tokenizer)} for turn in messages])
    inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).to(model.device)
    length = inputs["input_ids"].shape[1]
    room = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if room is not None and length >= room:
        return {"error": f"the question has {length} tokens, and the model reads {room}"}
    limit = max_tokens if room is None else min(max_tokens, room - length)
    with torch.inference_mode():
        ids = model.generate(**inputs, do_sample=False, max_new_tokens=limit, pad_token_id=tokenizer.pad_token_id)
    new = ids[0, length:]
    ends = model.generation_config.eos_token_id
    ended = len(new) > 0 and int(new[-1]) in (ends if isinstance(ends, list) else [ends])
    return {"text": tokenizer.decode(new, skip_special_tokens=True), "cut": not ended}


def _prompt(tokenizer: Any, messages: list[dict[str, str]]) -> str:
    """The chat template's text; a template that knows no system turn gets its text at the head of the first turn."""
    if tokenizer.chat_template is None:
        return "\n\n".join(turn["content"] for turn in messages) + "\n\n"
    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    except Exception:  # noqa: BLE001 - each template raises its own
        first, second, *rest = messages
        merged = {**second, "content": f"{first['content']}\n\n{second['content']}"}
        return str(tokenizer.apply_chat_template([merged, *rest], tokenize=False, add_generation_prompt=True))


def _plain(text: str, tokenizer: Any) -> str:
    """Without the model's own marks of turns, so that a graded text cannot end its turn."""
    for token in tokenizer.all_special_tokens:
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
