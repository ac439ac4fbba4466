"""Rows in TRL's layouts, of which the first that TRL reads to our token ids is taken.

`chat`: turns, which TRL renders by the model's template. `text`: rendered here; TRL tokenises prompt and answer in one,
and adds the end token where the answer lacks it. `ids`: token ids with labels, which SFT alone takes.
Source: `_prepare_dataset` of TRL 1.16's trainers.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.data.render import NO_LOSS
from pipelines.data.rows import Message
from pipelines.eject.examples import Example, Ids
from pipelines.eject.ready import Ready

TAKE_TEMPLATE = ("sft", "rejection_sampling", "reward_model")
"""Stages whose TRL config names a file of a chat template."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """differing: examples that TRL reads to other token ids."""

    name: str
    write: Callable[[Example, Mapping[str, Any]], Row]
    differing: tuple[Example, ...]


def layout_of(ready: Ready) -> Layout:
    """The first without a difference, else the one with the fewest."""
    learns_text = ready.stage.type in ("sft", "rejection_sampling")
    found = []
    for name, write in _LAYOUTS.items():
        if (name == "ids" and not learns_text) or (name == "chat" and not _chats(ready)):
            continue
        differing = tuple(example for example in ready.train.examples if not _same(ready, example, write))
        found.append(Layout(name, write, differing))
        if not differing:
            break
    return min(found, key=lambda layout: len(layout.differing))


def _chats(ready: Ready) -> bool:
    """Whether turns can be written: the peer has the template, and a data set of plain turns keeps them as they are."""
    has_template = ready.own_template or ready.stage.type in TAKE_TEMPLATE
    turns = (turn for example in ready.train.examples for turn in (*example.messages, *_answers(example)))
    return has_template and all(set(turn) <= {"role", "content"} for turn in turns)


def _answers(example: Example) -> Iterable[Message]:
    return (side.turn for side in example.sides.values())


def read(ready: Ready, row: Row, sides: Iterable[str]) -> Ids:
    """The token ids that TRL makes of a row."""
    if "input_ids" in row:
        start = sum(label == NO_LOSS for label in row["labels"])
        return {"completion": (row["input_ids"][:start], row["input_ids"][start:])}
    prompt = _ids(ready, row, row["prompt"], begins=True)
    if not sides:
        return {"": (prompt, [])}
    wholes = {side: _ids(ready, row, row["prompt"] + row[side]) for side in sides}
    if ready.stage.type == "reward_model":
        return {side: ([], whole) for side, whole in wholes.items()}
    shared = min(_shared(prompt, whole) for whole in wholes.values())
    return {side: (whole[:shared], whole[shared:]) for side, whole in wholes.items()}


def template_args(ready: Ready) -> Mapping[str, Any]:
    """Those that the stage here renders with; a reward model has none (graders/reward_model.py)."""
    return {} if ready.stage.type == "reward_model" else ready.template_args


def _same(ready: Ready, example: Example, write: Callable[[Example, Mapping[str, Any]], Row]) -> bool:
    return read(ready, write(example, template_args(ready)), example.sides) == example.ids


def _ids(ready: Ready, row: Row, what: Any, begins: bool = False) -> list[int]:
    tokenizer = ready.policy.tokenizer
    if isinstance(what, list):
        arguments = {
            "tools": json.loads(row["tools"]) if "tools" in row else None,
            **row.get("chat_template_kwargs", {}),
        }
        return list(
            tokenizer.apply_chat_template(
                what, tokenize=True, return_dict=True, add_generation_prompt=begins, **arguments
            )["input_ids"]
        )
    ends = "" if begins or what.endswith(tokenizer.eos_token) else tokenizer.eos_token
    return list(tokenizer(text=what + ends)["input_ids"])


def _shared(one: list[int], other: list[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _chat(example: Example, arguments: Mapping[str, Any]) -> Row:
    row: Row = {"prompt": [dict(turn) for turn in example.messages]}
    row |= {side: [dict(one.turn)] for side, one in example.sides.items()}
    if example.tools:
        row["tools"] = json.dumps(list(example.tools), ensure_ascii=False)
    if arguments:
        row["chat_template_kwargs"] = dict(arguments)
    label = {} if example.label is None else {"label": example.label}
    return row | label | _margin(example)


def _text(example: Example, _arguments: Mapping[str, Any]) -> Row:
    return example.rendered | _margin(example)


def _token_ids(example: Example, _arguments: Mapping[str, Any]) -> Row:
    answer = example.sides["completion"].ids
    return {
        "input_ids": [*example.prompt_ids, *answer],
        "labels": [*[NO_LOSS] * len(example.prompt_ids), *answer],
    }


def _margin(example: Example) -> Row:
    return {} if example.margin is None else {"margin": example.margin}


_LAYOUTS: Mapping[str, Callable[[Example, Mapping[str, Any]], Row]] = {
    "chat": _chat,
    "text": _text,
    "ids": _token_ids,
}
