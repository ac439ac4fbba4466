"""GRPO's published variants as TRL has them, each with the settings that its paper trains with.

With one update a generation the policy is the one that sampled: every ratio is 1, nothing is clipped, gspo is grpo and
cispo is dapo (a test holds them to it). So those two come with four updates a generation. TRL's other losses (sapo,
luspo, vespo) are at hand as `trainer: {loss_type: ...}`; its bnpo is left out, for it depends on the micro-batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Loss = Literal["dapo", "grpo", "dr_grpo", "gspo", "cispo"]


@dataclass(frozen=True, slots=True)
class Variant:
    """updates: optimizer steps from one round of sampling. arguments: of TRL's GRPOConfig."""

    updates: int
    arguments: Mapping[str, Any]


LOSSES: Mapping[Loss, Variant] = {
    # Yu et al. 2025, arXiv 2503.14476: mean over all tokens, and more room above than below.
    "dapo": Variant(1, {"loss_type": "dapo", "epsilon": 0.2, "epsilon_high": 0.28}),
    # Shao et al. 2024, arXiv 2402.03300: mean over an answer's tokens, then over answers; one update a generation.
    "grpo": Variant(1, {"loss_type": "grpo", "epsilon": 0.2, "epsilon_high": 0.2}),
    # Liu et al. 2025, arXiv 2503.20783: no division by the length nor by the group's standard deviation.
    "dr_grpo": Variant(1, {"loss_type": "dr_grpo", "scale_rewards": "none", "epsilon": 0.2, "epsilon_high": 0.2}),
    # Zheng et al. 2025, arXiv 2507.18071 v2, §5.1: one ratio an answer, its narrow clip, four mini-batches.
    "gspo": Variant(
        4, {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 3e-4, "epsilon_high": 4e-4}
    ),
    # MiniMax 2025, arXiv 2506.13585; the bound of ScaleRL, arXiv 2510.13786. The number of updates is GSPO's.
    "cispo": Variant(4, {"loss_type": "cispo", "epsilon_high": 5.0}),
}
