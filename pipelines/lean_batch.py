"""Prompts with their answers, put in an order and cut so that little of a pass is padding.

TRL pads all prompts of a generation to its longest on the left, and all answers on the right. Here rows of one prompt
stand beside each other, short prompts before long ones, and each part is no longer than its own rows need.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Inputs = dict[str, Any]
"""A micro-batch, as TRL has it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """ids, mask: (B, P + C), prompts padded on the left, answers on the right. completion: C. owners (B,): which prompt
    each row has, in the order of `by_prompt`."""

    ids: Tensor
    mask: Tensor
    completion: int
    owners: Tensor

    @classmethod
    def of(cls, ids: Tensor, mask: Tensor, completion: int) -> "Batch":
        """With the owners that the prompts say."""
        prompt = ids.size(1) - completion
        return cls(ids, mask, completion, by_prompt(ids[:, :prompt], mask[:, :prompt]))

    def rows(self, places: Tensor) -> "Batch":
        """Some of its rows."""
        return Batch(self.ids[places], self.mask[places], self.completion, self.owners[places])

    def trimmed(self, on_the_left: bool) -> "Batch":
        """Without the columns that are padding in all rows; a token of the prompt and one of the answers stay.

        on_the_left: also before the prompts, which moves the positions of a model that counts padding.
        """
        used = self.mask.any(dim=0)
        prompt = self.ids.size(1) - self.completion
        first = min(int(used[:prompt].int().argmax()), prompt - 1) if on_the_left and used[:prompt].any() else 0
        answered = used[prompt:].nonzero()
        completion = int(answered.max()) + 1 if len(answered) else 1
        end = prompt + completion
        return Batch(self.ids[:, first:end], self.mask[:, first:end], completion, self.owners)


def by_prompt(prompt_ids: Tensor, prompt_mask: Tensor) -> Tensor:
    """(B,) which of the different prompts each row has, shorter ones first; from (B, P) ids and mask."""
    owners: Tensor = torch.where(prompt_mask.bool(), prompt_ids, -1).unique(dim=0, return_inverse=True)[1]
    return owners


def read_in_parts(
    batch: Batch, size: int, on_the_left: bool, read: Callable[[Batch], Sequence[Tensor]]
) -> list[Tensor]:
    """What `read` gives of each part of at most `size` rows, tensors (rows, C of the part), as (B, C) each, in the
    batch's own order; 0 where a part had no column."""
    order = batch.owners.argsort(stable=True)
    found: list[list[Tensor]] = []
    for places in order.split(size):
        outputs = read(batch.rows(places).trimmed(on_the_left))
        found.append([torch.nn.functional.pad(one, (0, batch.completion - one.size(1))) for one in outputs])
    back = order.argsort()
    return [torch.cat(parts)[back] for parts in zip(*found, strict=True)]


def in_groups(parts: Sequence[Inputs]) -> list[Inputs]:
    """The same rows in as many micro-batches of the same size, rows with one prompt beside each other, short prompts
    first.

    Tensors of (B, ...) and lists of B are reordered; others are taken from the first part.
    """
    size = len(parts[0]["prompt_ids"])
    prompts, masks = (torch.cat([part[name] for part in parts]) for name in ("prompt_ids", "prompt_mask"))
    order = by_prompt(prompts, masks).argsort(stable=True)

    def ordered(name: str) -> Any:
        value = parts[0][name]
        if isinstance(value, Tensor) and value.dim() > 0:
            return torch.cat([part[name] for part in parts])[order].split(size)
        if isinstance(value, list):
            whole = [item for part in parts for item in part[name]]
            return [[whole[place] for place in some] for some in order.split(size)]
        return [value] * len(parts)

    columns = {name: ordered(name) for name in parts[0]}
    return [{name: values[place] for name, values in columns.items()} for place in range(len(parts))]
