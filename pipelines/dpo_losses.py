"""DPO's losses as TRL has them, each with the settings it was published with.

TRL's others (apo_zero, nca_pair, ...) are at hand as `trainer: {loss_type: [...]}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PairLoss = Literal["sigmoid", "ipo", "robust", "length_normalised"]


@dataclass(frozen=True, slots=True)
class PairVariant:
    """trl: its name there. beta: how strongly the policy is held to its start. smoothing: label_smoothing."""

    trl: str
    beta: float
    smoothing: float = 0.0


PAIR_LOSSES: Mapping[PairLoss, PairVariant] = {
    # Rafailov et al. 2023, arXiv 2305.18290.
    "sigmoid": PairVariant("sigmoid", 0.1),
    # Azar et al. 2023, arXiv 2310.12036. TRL divides by the answers' lengths, so 1 / (2 beta) is the margin aimed at in
    # nats a token: 1 with 0.5. TRL's default of 0.1 asks for 5, far beyond what a policy near its start can give.
    "ipo": PairVariant("ipo", 0.5),
    # Chowdhury et al. 2024, arXiv 2403.00409: one pair in ten is thought to be the wrong way round.
    "robust": PairVariant("robust", 0.1, 0.1),
    # Lambert et al. 2024 (Tülu 3), arXiv 2411.15124: scores are means over an answer's tokens, hence a larger beta.
    "length_normalised": PairVariant("sigmoid_norm", 5.0),
}
