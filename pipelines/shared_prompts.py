"""The answers of a group behind one pass of their prompt: the same log-probabilities and gradients for fewer tokens.

A prompt's keys and values are computed once, with their gradients, and copied for its answers, which go on from them.
With G answers of C tokens to a prompt of P, a pass takes P + G·C tokens instead of G·(P + C). (Liu et al. 2025,
Prefix Grouper, arXiv 2506.05433, has the idea with attention of its own; here the model's cache does it.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

from pipelines import decoding
from pipelines.sharding import holds_whole

Inputs = dict[str, Any]
"""A micro-batch, as TRL has it."""
LEAST_SAVED = 0.05
"""Share of a pass's tokens from which prompts are shared. The starter's pass forward and backward, 64 answers of 22
tokens, takes 0.95 of the time where 4 % go, 0.82 to 0.93 at 10 %, 0.41 at 59 % (docs/experiments.md)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """ids, mask: (B, P + C), prompts padded on the left. completion: C. owners (B,): which prompt each row has."""

    ids: torch.Tensor
    mask: torch.Tensor
    completion: int
    owners: torch.Tensor

    def split(self, size: int) -> list["Batch"]:
        """In parts of at most so many rows."""
        columns = (self.ids.split(size), self.mask.split(size), self.owners.split(size))
        return [Batch(ids, mask, self.completion, owners) for ids, mask, owners in zip(*columns, strict=True)]


def fits(trainer: Any, model: Any) -> bool:
    """Whether the model can go on from a cache with gradients: checkpointed layers compute twice and drop it."""
    plain = trainer.accelerator.unwrap_model(model)
    if not holds_whole(trainer.accelerator.distributed_type) or not decoding.fits(plain):
        return False
    return not (plain.training and any(getattr(module, "gradient_checkpointing", False) for module in plain.modules()))


def by_prompt(prompt_ids: torch.Tensor, prompt_mask: torch.Tensor) -> torch.Tensor:
    """(B,) which of the different prompts each row has; from (B, P) ids and mask."""
    owners: torch.Tensor = torch.where(prompt_mask.bool(), prompt_ids, -1).unique(dim=0, return_inverse=True)[1]
    return owners


def saves(owners: torch.Tensor, prompt: int, completion: int) -> bool:
    """Whether enough of a pass over (B, prompt + completion) tokens goes where prompts are shared."""
    left_out = (len(owners) - int(owners.max()) - 1) * prompt
    return prompt > 1 and left_out >= LEAST_SAVED * len(owners) * (prompt + completion)


def in_groups(parts: Sequence[Inputs]) -> list[Inputs]:
    """The same rows in as many micro-batches of the same size, rows with one prompt beside each other.

    Tensors of (B, ...) and lists of B are reordered; others are taken from the first part.
    """
    size = len(parts[0]["prompt_ids"])
    prompts, masks = (torch.cat([part[name] for part in parts]) for name in ("prompt_ids", "prompt_mask"))
    order = by_prompt(prompts, masks).argsort(stable=True)

    def ordered(name: str) -> Any:
        value = parts[0][name]
        if isinstance(value, torch.Tensor) and value.dim() > 0:
            return torch.cat([part[name] for part in parts])[order].split(size)
        if isinstance(value, list):
            whole = [item for part in parts for item in part[name]]
            return [[whole[place] for place in some] for some in order.split(size)]
        return [value] * len(parts)

    columns = {name: ordered(name) for name in parts[0]}
    return [{name: values[place] for name, values in columns.items()} for place in range(len(parts))]


def log_probs(
    trainer: Any, model: Any, batch: Batch, rows_at_once: int, with_entropy: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(B, C) log-probabilities and entropies of the completions' tokens. A reference model computes no entropy."""
    outputs = [_pass(trainer, model, part) for part in batch.split(rows_at_once)]
    entropies = torch.cat([output.entropy for output in outputs]) if with_entropy else None
    return torch.cat([output.log_probs for output in outputs]), entropies


def _pass(trainer: Any, model: Any, batch: Batch) -> Any:
    """TRL's fused output. The prompt's last token is read with each answer: it says the answer's first."""
    shared = batch.ids.size(1) - batch.completion - 1
    different, owners = batch.owners.unique(return_inverse=True)
    first = torch.zeros(len(different), dtype=torch.long, device=owners.device)
    first[owners] = torch.arange(len(owners), device=owners.device)
    plain = decoding.plain(trainer.accelerator.unwrap_model(model))
    cache = DynamicCache(config=plain.config)
    answers = batch.ids[:, shared:]
    labels = answers.masked_fill(batch.mask[:, shared:] == 0, -100)
    labels[:, 0] = -100
    with trainer.accelerator.autocast():
        prompts, mask = batch.ids[first, :shared], batch.mask[first, :shared]
        plain.base_model(input_ids=prompts, attention_mask=mask, past_key_values=cache, use_cache=True)
        cache.batch_select_indices(owners)
        return model(
            input_ids=answers, attention_mask=batch.mask, past_key_values=cache, labels=labels, fused_lm_head=True
        )
