"""The answers of a group behind one pass of their prompt: the same numbers and gradients for fewer tokens.

A prompt's keys and values are computed once, with their gradients, and copied for its answers, which go on from them.
With G answers of C tokens to a prompt of P, a pass takes P + G·C tokens instead of G·(P + C). (Liu et al. 2025,
Prefix Grouper, arXiv 2506.05433, has the idea with attention of its own; here the model's cache does it.)
"""

from typing import Any

import torch
from transformers import DynamicCache

from pipelines import decoding
from pipelines.lean_batch import Batch
from pipelines.sharding import holds_whole

LEAST_SAVED = 0.05
"""Share of a pass's tokens from which prompts are shared. The starter's pass forward and backward, 64 answers of 22
tokens, takes 0.95 of the time where 4 % go, 0.82 to 0.93 at 10 %, 0.41 at 59 % (docs/experiments.md)."""


def fits(distributed: Any, model: Any) -> bool:
    """Whether the model can go on from a cache with gradients, if its layers are not computed twice, which drops it.

    distributed: accelerate's DistributedType.
    """
    return holds_whole(distributed) and decoding.fits(model)


def saves(batch: Batch) -> bool:
    """Whether enough of a pass over (B, P + C) tokens goes where prompts are shared."""
    rows, length = batch.ids.shape
    prompt = length - batch.completion
    left_out = (rows - len(batch.owners.unique())) * prompt
    return bool(prompt > 1 and left_out >= LEAST_SAVED * rows * length)


def read_prompts(body: Any, batch: Batch) -> tuple[DynamicCache, torch.Tensor]:
    """Each row's cache of its prompt but for the last token, and (B, 1 + C) what is read next: that token, which says
    the answer's first, and the answer. body: the layers, which return hidden states."""
    shared = batch.ids.size(1) - batch.completion - 1
    different, owners = batch.owners.unique(return_inverse=True)
    first = torch.zeros(len(different), dtype=torch.long, device=owners.device)
    first[owners] = torch.arange(len(owners), device=owners.device)
    cache = DynamicCache(config=body.config)
    prompts, mask = batch.ids[first, :shared], batch.mask[first, :shared]
    body(input_ids=prompts, attention_mask=mask, past_key_values=cache, use_cache=True)
    cache.batch_select_indices(owners)
    return cache, batch.ids[:, shared:]
