"""Two values → a preference pair with its prompt.

A value is an answer as text, an assistant's turn, or a whole conversation whose last turn is the answer.
"""

from dataclasses import dataclass

from pipelines.data.template import as_text
from pipelines.data.turns import Turns, read_turns, split_answer


@dataclass(frozen=True, slots=True)
class Pair:
    """messages: the prompt that the two conversations share, empty when they hold none."""

    messages: Turns
    chosen: str
    rejected: str


def read_pair(chosen: object, rejected: object) -> Pair | None:
    """None when a side is empty or when the two sides answer different prompts."""
    (chosen_prompt, good), (rejected_prompt, bad) = _side(chosen), _side(rejected)
    if good is None or bad is None or chosen_prompt != rejected_prompt:
        return None
    return Pair(chosen_prompt, good, bad)


def has_answer(value: object) -> bool:
    """Whether a side holds an answer with any text."""
    return _side(value)[1] is not None


def prompts_differ(chosen: object, rejected: object) -> bool:
    """Whether both sides are conversations, and not about the same prompt."""
    return _side(chosen)[0] != _side(rejected)[0]


def _side(value: object) -> tuple[Turns, str | None]:
    turns = read_turns(value)
    if turns is None:
        return (), as_text(value)
    prompt, answer = split_answer(turns)
    return prompt, as_text(answer["content"]) if answer else None
