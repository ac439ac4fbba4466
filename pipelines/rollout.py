"""What samples RL's answers, as arguments of TRL's GRPOConfig, and how long they may be.

Sampling is always from the whole distribution: with top_p or top_k the tokens' probabilities in training are not those
that they were drawn with, and the gradient is biased (trl#6789, open-instruct#1473).
"""

import random
from collections.abc import Sequence
from typing import Any

import torch

from pipelines import sizing
from pipelines.data.rows import Row
from pipelines.job import Job
from pipelines.models import Policy
from pipelines.plan import GRPO
from pipelines.sampling import Sampling, sample
from pipelines.training import answer_limit

GAP = "sampling/sampling_logp_difference/mean"
"""TRL's name for the mean difference of a token's log-probability between vLLM and training."""
MEASURED = 64
"""Prompts whose answers are measured where no row has a demonstration."""


def sampling_arguments(stage: GRPO, context: int) -> dict[str, Any]:
    """`context`: tokens of the longest prompt with the longest answer.

    vLLM runs in the trainer's own process ("colocate"), and gives its memory back while weights are trained.
    """
    whole = {"top_p": 1.0, "top_k": 0, "temperature": stage.temperature}
    if stage.sampling == "transformers":
        return whole
    return whole | {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_max_model_length": context,
        "vllm_enable_sleep_mode": True,
    }


def rollout_limit(rows: Sequence[Row], policy: Policy, job: Job, temperature: float) -> int:
    """Tokens an answer may take in RL: from the demonstrations, else from what the input policy itself writes.

    MEASURED prompts are answered once. Never more than `answer_limit` without demonstrations, which is what evaluation
    grants; a tight limit keeps one rambling answer from holding up its whole batch.
    """
    limit = answer_limit(rows, policy, job.plan.model.template_args)
    if any(row.demonstration is not None for row in rows):
        return limit
    some = random.Random(job.plan.seed).sample(list(rows), min(MEASURED, len(rows)))
    settings = Sampling(limit, temperature, seed=job.plan.seed)
    with torch.random.fork_rng():
        answers = sample(policy, [row.messages for row in some], settings, job.plan.model.template_args, job.progress)
    measured = min(limit, sizing.answer_tokens([answer[0].num_tokens for answer in answers]))
    job.progress.say(f"the policy's own answers to {len(some)} prompts set max_new_tokens to {measured}")
    return measured
