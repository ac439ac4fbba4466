"""The arithmetic of PPO, as pure functions of tensors.

Shapes: B completions, T tokens, padded on the right. mask_BT is 1 on a completion's tokens and 0 on padding. `total`
sums a tensor over all processes; with one process it is the identity. Sources: GAE, Schulman et al. 2015 (arXiv
1506.02438); clipping, Schulman et al. 2017 (1707.06347); the KL in the reward, Ziegler et al. 2019 (1909.08593).
"""

from collections.abc import Callable

import torch
from torch import Tensor

Total = Callable[[Tensor], Tensor]


def token_rewards(scores_B: Tensor, kl_BT: Tensor, mask_BT: Tensor, kl_weight: float) -> Tensor:
    """Minus the weighted KL at each token, and the score at the last one. A score that is no number counts as 0."""
    behind_BT = torch.nn.functional.pad(mask_BT[:, 1:], (0, 1))
    ends_BT = mask_BT * (1 - behind_BT)
    return ends_BT * scores_B.nan_to_num(0.0, 0.0, 0.0)[:, None] - kl_weight * kl_BT * mask_BT


def gae(rewards_BT: Tensor, values_BT: Tensor, mask_BT: Tensor, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimates and returns, both (B, T).

    values_BT[:, t] is what the state before token t is worth. An episode ends with its last token, also where the
    length limit cut it: what an unfinished answer might have become is worth nothing.
    """
    values_BT = values_BT * mask_BT
    next_BT = torch.nn.functional.pad(values_BT[:, 1:], (0, 1))
    errors_BT = (rewards_BT + gamma * next_BT - values_BT) * mask_BT
    advantages_BT = torch.zeros_like(errors_BT)
    running_B = torch.zeros_like(errors_BT[:, 0])
    for place in reversed(range(errors_BT.shape[1])):
        running_B = errors_BT[:, place] + gamma * lam * running_B
        advantages_BT[:, place] = running_B
    return advantages_BT, advantages_BT + values_BT


def moments(values_BT: Tensor, mask_BT: Tensor, total: Total) -> tuple[Tensor, Tensor]:
    """Mean and variance of what the mask keeps, over all processes; both 0 where it keeps nothing."""
    count = total(mask_BT.sum()).clamp(min=1.0)
    mean = total((values_BT * mask_BT).sum()) / count
    return mean, total(((values_BT - mean).square() * mask_BT).sum()) / count


def whiten(values_BT: Tensor, mask_BT: Tensor, total: Total) -> Tensor:
    """To mean 0 and variance 1 over all processes; 0 outside the mask."""
    mean, variance = moments(values_BT, mask_BT, total)
    return (values_BT - mean) * torch.rsqrt(variance + 1e-8) * mask_BT


def value_loss(values_BT: Tensor, old_BT: Tensor, returns_BT: Tensor, clip: float) -> Tensor:
    """Half the squared error per token, the larger one of the value and of the value held within `clip` of the old."""
    held_BT = old_BT + (values_BT - old_BT).clamp(-clip, clip)
    return 0.5 * torch.maximum((values_BT - returns_BT).square(), (held_BT - returns_BT).square())


def explained_variance(values_BT: Tensor, returns_BT: Tensor, mask_BT: Tensor, total: Total) -> float:
    """1 where values foretell returns, 0 where a constant would do as well, less where they mislead."""
    _, of_returns = moments(returns_BT, mask_BT, total)
    _, of_errors = moments(returns_BT - values_BT, mask_BT, total)
    return 1.0 - float(of_errors / of_returns) if of_returns > 0 else 0.0
