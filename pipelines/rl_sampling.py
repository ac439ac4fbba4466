"""RL's answers by the engine of pipelines/decoding.py instead of `generate`: a prompt is read once for its whole group,
answers that ended compute no more.

For policies that each process holds whole and whose cache the engine can cut; vLLM, sharded models and other caches are
left to TRL. What an answer draws hangs on the plan's seed, the step and its place among the answers of all processes
alone, so a resumed training samples the same, and so do more processes.
"""

from typing import Any

import torch
from trl.models.utils import unwrap_model_for_generation

from pipelines import decoding
from pipelines.models import Policy, cache_bytes_per_token
from pipelines.sampling import room
from pipelines.sharding import holds_whole
from pipelines.sizing import rows_at_once


def takes(trainer: Any) -> bool:
    """Whether the engine can sample for this trainer."""
    other = trainer.use_vllm or trainer.use_transformers_continuous_batching
    if other or not holds_whole(trainer.accelerator.distributed_type):
        return False
    return decoding.fits(trainer.accelerator.unwrap_model(trainer.model))


def draw(trainer: Any, prompt_ids: list[list[int]]) -> list[list[int]]:
    """An answer's ids for each prompt, up to its stop token or the limit. Equal prompts are read once."""
    arguments = trainer.args
    limit, step = arguments.max_completion_length, trainer.state.global_step
    wrapper = unwrap_model_for_generation(
        trainer.model_wrapped,
        trainer.accelerator,
        gradient_checkpointing_kwargs=arguments.gradient_checkpointing_kwargs,
    )
    answers: list[list[int]] = []
    with wrapper as model:
        was_training = model.training
        policy = Policy(model, trainer.processing_class, "", tuple(trainer.eos_token_ids))
        tokens = max(map(len, prompt_ids)) + limit
        size = rows_at_once(tokens, cache_bytes_per_token(model), model.config.get_text_config().vocab_size, room())
        for first in range(0, len(prompt_ids), size):
            part = prompt_ids[first : first + size]
            places = {tuple(ids): place for place, ids in enumerate(dict.fromkeys(map(tuple, part)))}
            before = trainer.accelerator.process_index * len(prompt_ids) + first
            seeds = [(arguments.seed, step, 0, before + place) for place in range(len(part))]
            rows = [decoding.Row(places[tuple(ids)], seed) for ids, seed in zip(part, seeds, strict=True)]
            with torch.no_grad(), trainer.accelerator.autocast():
                answers += decoding.decode(policy, list(places), rows, limit, trainer.temperature, lambda: False)
        model.train(was_training)
    return answers
