"""The engine behind `pipelines/sampling.py`: tokens from a policy, k answers a prompt at the cost of one prefill.

In: prompts as token ids, and for each row which prompt it goes on from. Out: the tokens of each row, up to its stop
token or the limit. A prompt is read once, its cache then copied for its rows; rows that ended leave the batch, so
that a long answer keeps no short one computing. A token is drawn by inverse CDF with one uniform number, from a
generator of the row's own: what a row draws hangs on its seed alone. (Its logits do hang on the rows beside it, in
their last bits, for a matrix product of another shape rounds otherwise: equal batches give equal answers, other batches
nearly always.) For models whose cache grows token by token; see `fits`.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.models import Policy

_SHRINK_AT = 0.75
"""Finished rows are dropped when at most this share of the batch still runs: dropping copies the cache."""


@dataclass(frozen=True, slots=True)
class Row:
    """prompt: its place among the prompts. seed: of its draws, any non-negative numbers."""

    prompt: int
    seed: tuple[int, ...]


def fits(model: Any) -> bool:
    """Whether the model's cache can be copied and cut row by row: keys and values of full attention, nothing else.

    Sliding windows, recurrent states and compressed caches are left to transformers' own `generate`.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    inner = plain(model)
    if not getattr(inner, "_supports_default_dynamic_cache", lambda: False)():
        return False
    if not {"attention_mask", "past_key_values"} <= set(inspect.signature(inner.forward).parameters):
        return False
    cache = DynamicCache(config=inner.config)
    lazy = getattr(cache, "layer_class_to_replicate", None)
    return {type(layer) for layer in cache.layers} | ({lazy} if lazy else set()) == {DynamicLayer}


def decode(
    policy: Policy,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[Row],
    max_new_tokens: int,
    temperature: float,
    stopping: Callable[[], bool],
) -> list[list[int]]:
    """The tokens of each row, its stop token included; cut short, and worthless, once `stopping()` says so.

    temperature 0 takes the likeliest token, else tokens are drawn from softmax(logits / temperature) of the whole
    vocabulary.
    """
    import torch

    policy.model.eval()
    with torch.inference_mode():
        batch = _Batch(policy, prompts, rows, max_new_tokens)
        draws = _draws(rows, max_new_tokens, batch.device) if temperature > 0 else None
        for step in range(max_new_tokens):
            chosen = _choose(batch.logits, draws[batch.rows, step] if draws is not None else None, temperature)
            if not batch.take(chosen, step) or step + 1 == max_new_tokens or stopping():
                break
            batch.advance()
    stops = set(policy.stop_ids)
    return [_until_stop(tokens, stops) for tokens in batch.written.tolist()]


class _Batch:
    """Rows under way. rows (R,): which they are; tokens, logits (R, V), mask (R, T), positions (R, 1) of the running.

    written (all rows, max_new_tokens): what each row wrote.
    """

    def __init__(
        self, policy: Policy, prompts: Sequence[Sequence[int]], rows: Sequence[Row], max_new_tokens: int
    ) -> None:
        import torch
        from transformers import DynamicCache

        self._model = plain(policy.model)
        self._arguments = set(inspect.signature(self._model.forward).parameters)
        self.device = policy.model.device
        self._stops = torch.tensor(policy.stop_ids, device=self.device)
        self._cache = DynamicCache(config=self._model.config)
        pad, longest = policy.tokenizer.pad_token_id, max(map(len, prompts))
        ids = torch.tensor([[pad] * (longest - len(p)) + list(p) for p in prompts], device=self.device)
        lengths = torch.tensor([len(p) for p in prompts], device=self.device)
        mask = (torch.arange(longest, device=self.device) >= longest - lengths[:, None]).long()
        logits = self._forward(ids, mask, (mask.cumsum(1) - 1).clamp(min=0))
        owners = torch.tensor([row.prompt for row in rows], device=self.device)
        self._cache.batch_select_indices(owners)
        self.logits, self._mask, self._positions = logits[owners], mask[owners], lengths[owners, None]
        self.rows = torch.arange(len(rows), device=self.device)
        self._running = torch.ones(len(rows), dtype=torch.bool, device=self.device)
        self.written = torch.full((len(rows), max_new_tokens), pad, device=self.device)

    def _forward(self, ids: Any, mask: Any, positions: Any) -> Any:
        """Logits (R, V) after the last token, in fp32."""
        known = {"position_ids": positions, "logits_to_keep": 1}
        given = {name: value for name, value in known.items() if name in self._arguments}
        output = self._model(input_ids=ids, attention_mask=mask, past_key_values=self._cache, use_cache=True, **given)
        return output.logits[:, -1].float()

    def take(self, tokens: Any, step: int) -> bool:
        """Writes the tokens (R,) of this step; says whether a row is still running. Drops those that ended."""
        import torch

        self.written[self.rows, step] = tokens
        self._tokens = tokens
        self._running &= ~torch.isin(tokens, self._stops)
        running = int(self._running.sum())
        if 0 < running <= _SHRINK_AT * len(self.rows):
            self._keep(self._running.nonzero()[:, 0])
        return running > 0

    def _keep(self, places: Any) -> None:
        self._cache.batch_select_indices(places)
        self.rows, self._running, self._tokens = self.rows[places], self._running[places], self._tokens[places]
        self._mask, self._positions = self._mask[places], self._positions[places]

    def advance(self) -> None:
        """Reads the tokens taken; `logits` are then of the next."""
        import torch

        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], dim=1)
        self.logits = self._forward(self._tokens[:, None], self._mask, self._positions)
        self._positions = self._positions + 1


def _draws(rows: Sequence[Row], max_new_tokens: int, device: Any) -> Any:
    """Uniform numbers in [0, 1), (rows, max_new_tokens), each row's from its own seed."""
    import numpy as np
    import torch

    drawn = np.empty((len(rows), max_new_tokens))
    for place, row in enumerate(rows):
        drawn[place] = np.random.default_rng(row.seed).random(max_new_tokens)
    return torch.from_numpy(drawn).to(device)


def _choose(logits: Any, uniform: Any, temperature: float) -> Any:
    """One token for each row (R,) of logits (R, V): the first whose cumulated probability exceeds the row's number.

    Summed in fp64: in fp32 a vocabulary of 150,000 would round away its rarest tokens.
    """
    import torch

    if uniform is None:
        return logits.argmax(-1)
    cumulated = (logits / temperature).softmax(-1).to(torch.float64).cumsum(-1)
    wanted = (uniform * cumulated[:, -1])[:, None]
    return torch.searchsorted(cumulated, wanted, right=True)[:, 0].clamp(max=logits.shape[1] - 1)


def plain(model: Any) -> Any:
    """The model itself, without the wrapper of an adapter, whose layers stand in it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _until_stop(tokens: list[int], stops: set[int]) -> list[int]:
    end = next((place for place, token in enumerate(tokens) if token in stops), None)
    return tokens if end is None else tokens[: end + 1]
