"""Preference pairs → what TRL's RewardTrainer takes: both conversations as token ids. Nothing is cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graders.reward_model import conversation_ids


@dataclass(frozen=True, slots=True)
class Pair:
    """messages: the prompt's turns. number: the row it comes from. margin: how much better, where that is known.

    tie: people found both as good.
    """

    messages: Sequence[Mapping[str, Any]]
    chosen: str
    rejected: str
    number: int
    margin: float | None = None
    tie: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """examples: {"chosen_ids", "rejected_ids", "margin"} each; a tie stands in both orders. too_long: row numbers."""

    examples: list[dict[str, Any]]
    too_long: tuple[int, ...]


def encode_pairs(pairs: Sequence[Pair], tokenizer: Any, most_tokens: int) -> Encoded:
    """Pairs of which neither side is longer than most_tokens.

    A margin (Llama 2, arXiv 2307.09288, eq. 2) is given to all pairs or to none: 0 where it is not known. A tie taken
    in both orders is the loss of a coin's toss, which is least where both numbers are equal.
    """
    examples, too_long = [], []
    with_margin = any(pair.margin is not None for pair in pairs)
    for pair in pairs:
        chosen, rejected = (conversation_ids(tokenizer, pair.messages, text) for text in (pair.chosen, pair.rejected))
        if max(len(chosen), len(rejected)) > most_tokens:
            too_long.append(pair.number)
            continue
        margin = {"margin": 0.0 if pair.tie else pair.margin or 0.0} if with_margin else {}
        examples.append({"chosen_ids": chosen, "rejected_ids": rejected, **margin})
        if pair.tie:
            examples.append({"chosen_ids": rejected, "rejected_ids": chosen, **margin})
    return Encoded(examples, tuple(too_long))
