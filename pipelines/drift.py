"""How far training moved a policy: the KL to its reference, estimated from the policy's own answers at temperature 1.

The estimate is the mean over prompts of log π(answer) - log reference(answer), summed over an answer's tokens: unbiased
(Schulman's k1), in nats an answer, so it may be below zero by chance where nothing moved.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from graders.statistics import paired_bootstrap
from pipelines.data.render import NO_LOSS, Encoded, encode_prompt
from pipelines.data.rows import Row
from pipelines.data.split import prompt_hash
from pipelines.evals.likelihood import mean_logprobs
from pipelines.job import Job, Numbers, Progress
from pipelines.models import Policy
from pipelines.sampling import Sampling, sample_tokens

MOST_ROWS = 128


def drift(job: Job, policy: Policy, reference: Any, rows: Sequence[Row], max_new_tokens: int) -> Numbers:
    """{"kl", "kl_interval", "kl_rows"} on at most MOST_ROWS prompts; {} where there are none.

    reference: the model that the policy came from, or None where turning the policy's adapter off gives it.
    """
    prompts = list({prompt_hash(row): row.messages for row in rows}.values())[:MOST_ROWS]
    if not prompts:
        return {}
    silent, arguments = Progress(Path("/dev/null")), job.plan.model.template_args
    drawing = Sampling(max_new_tokens, temperature=1.0, seed=job.plan.seed)
    answers = [one for [one] in sample_tokens(policy, prompts, drawing, arguments, silent)]
    asked = [encode_prompt(policy.tokenizer, prompt, arguments) for prompt in prompts]
    gaps = log_ratios(policy, reference, asked, answers)
    interval = paired_bootstrap(gaps, range(len(gaps)), n_resamples=2000)
    return {"kl": sum(gaps) / len(gaps), "kl_interval": [interval.low, interval.high], "kl_rows": len(gaps)}


def log_ratios(
    policy: Policy, reference: Any, prompts: Sequence[list[int]], answers: Sequence[list[int]]
) -> list[float]:
    """log π(answer) - log reference(answer) in nats, for each prompt and its answer, both as token ids.

    reference: as for `drift`.
    """
    silent = Progress(Path("/dev/null"))
    encoded = [_sequence(prompt, answer, policy.stop_ids) for prompt, answer in zip(prompts, answers, strict=True)]
    own = mean_logprobs(policy, encoded, silent)
    if reference is not None:
        theirs = mean_logprobs(replace(policy, model=reference), encoded, silent)
    else:
        with policy.model.disable_adapter():
            theirs = mean_logprobs(policy, encoded, silent)
    lengths = [len(one.input_ids) - one.prompt_len for one in encoded]
    return [(one - other) * length for one, other, length in zip(own, theirs, lengths, strict=True)]


def _sequence(prompt: list[int], answer: list[int], stop_ids: Sequence[int]) -> Encoded:
    end = next((place + 1 for place, token in enumerate(answer) if token in stop_ids), len(answer))
    return Encoded(prompt + answer[:end], [NO_LOSS] * len(prompt) + answer[:end], len(prompt))
