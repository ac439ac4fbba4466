"""What samples RL's answers, as arguments of TRL's GRPOConfig: plain transformers, or vLLM on the same GPU.

Sampling is always from the whole distribution: with top_p or top_k the tokens' probabilities in training are not those
that they were drawn with, and the gradient is biased (trl#6789, open-instruct#1473).
"""

import importlib.util
from typing import Any

from graders.errors import UserError
from pipelines.plan import GRPO

GAP = "sampling/sampling_logp_difference/mean"
"""TRL's name for the mean difference of a token's log-probability between vLLM and training."""


def sampling_arguments(stage: GRPO, context: int) -> dict[str, Any]:
    """`context`: tokens of the longest prompt with the longest answer. Raises UserError without vLLM or a GPU.

    vLLM runs in the trainer's own process ("colocate"), and gives its memory back while weights are trained.
    """
    whole = {"top_p": 1.0, "top_k": 0, "temperature": stage.temperature}
    if stage.sampling == "transformers":
        return whole
    require_vllm()
    return whole | {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_max_model_length": context,
        "vllm_enable_sleep_mode": True,
    }


def require_vllm() -> None:
    """Raises UserError where vLLM cannot run."""
    import torch

    lacking = [] if importlib.util.find_spec("vllm") else ["vLLM is not installed"]
    lacking += [] if torch.cuda.is_available() else ["there is no GPU"]
    if lacking:
        raise UserError(
            f"`sampling: vllm`: {' and '.join(lacking)}", "vLLM and a GPU", "pip install vllm, or leave `sampling` out"
        )
