"""PPO's arithmetic against numbers worked out by hand."""

import pytest
import torch

from pipelines.ppo_math import explained_variance, gae, moments, token_rewards, value_loss, whiten

NEAR = 1e-6


def alone(value: torch.Tensor) -> torch.Tensor:
    return value


def near(found: torch.Tensor, expected: list[list[float]]) -> bool:
    return torch.allclose(found, torch.tensor(expected), rtol=0, atol=NEAR)


def test_the_score_falls_on_the_last_token_and_the_kl_on_each() -> None:
    scores = torch.tensor([1.0, 0.25, float("nan"), 1.0])
    kl = torch.tensor([[0.1, -0.2, 0.4], [0.5, 9.0, 9.0], [0.2, 0.2, 9.0], [9.0, 9.0, 9.0]])
    mask = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    found = token_rewards(scores, kl, mask, kl_weight=0.5)
    assert near(found, [[-0.05, 0.1, 0.8], [0.0, 0.0, 0.0], [-0.1, -0.1, 0.0], [0.0, 0.0, 0.0]])


def test_gae_is_the_one_worked_out_by_hand() -> None:
    """gamma 0.9, lambda 0.8. Errors of row one: 0.1+0.9*0.6-0.5=0.14, 0+0.9*0.2-0.6=-0.42, 1-0.2=0.8.

    Advantages from the end: 0.8; -0.42+0.72*0.8=0.156; 0.14+0.72*0.156=0.25232. Row two ends after its second token:
    1-0.4=0.6; 0+0.9*0.4-0.3+0.72*0.6=0.492.
    """
    rewards = torch.tensor([[0.1, 0.0, 1.0], [0.0, 1.0, 7.0]])
    values = torch.tensor([[0.5, 0.6, 0.2], [0.3, 0.4, 5.0]])
    mask = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    advantages, returns = gae(rewards, values, mask, gamma=0.9, lam=0.8)
    assert near(advantages, [[0.25232, 0.156, 0.8], [0.492, 0.6, 0.0]])
    assert near(returns, [[0.75232, 0.756, 1.0], [0.792, 1.0, 0.0]])


def test_with_lambda_one_an_advantage_is_what_comes_less_the_value() -> None:
    rewards, values = torch.tensor([[-0.1, -0.2, 1.0]]), torch.tensor([[0.4, 0.5, 0.6]])
    advantages, returns = gae(rewards, values, torch.ones(1, 3), gamma=1.0, lam=1.0)
    assert near(returns, [[0.7, 0.8, 1.0]])
    assert near(advantages, [[0.3, 0.3, 0.4]])


def test_whitening_sees_only_what_the_mask_keeps() -> None:
    """Kept are 1, 3 and 5: mean 3, variance 8/3."""
    values = torch.tensor([[1.0, 3.0], [5.0, 1e6]])
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    assert near(whiten(values, mask, alone), [[-1.2247448, 0.0], [1.2247448, 0.0]])
    assert near(whiten(values, torch.zeros(2, 2), alone), [[0.0, 0.0], [0.0, 0.0]])


def test_whitening_over_two_processes_is_that_of_their_tokens_together() -> None:
    """The other process holds 5 and 7, so mean 4 and variance 5."""
    sums = iter([torch.tensor(2.0), torch.tensor(12.0), torch.tensor(10.0)])
    found = whiten(torch.tensor([[1.0, 3.0]]), torch.ones(1, 2), lambda value: value + next(sums))
    assert near(found, [[-3 / 5**0.5, -1 / 5**0.5]])


def test_a_value_may_not_run_from_its_old_one_to_lower_its_loss() -> None:
    """Return 1, old value 0, clip 0.2. 0.5 costs as 0.2 does; -0.5 costs as itself; 0.1 is within."""
    values = torch.tensor([[0.5, -0.5, 0.1]], requires_grad=True)
    losses = value_loss(values, torch.zeros(1, 3), torch.ones(1, 3), clip=0.2)
    assert near(losses, [[0.5 * 0.64, 0.5 * 2.25, 0.5 * 0.81]])
    losses.sum().backward()  # type: ignore[no-untyped-call]  # torch
    assert values.grad is not None
    assert near(values.grad, [[0.0, -1.5, -0.9]])


def test_explained_variance() -> None:
    returns, mask = torch.tensor([[0.0, 1.0, 2.0, 50.0]]), torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    assert explained_variance(returns, returns, mask, alone) == pytest.approx(1.0, abs=NEAR)
    assert explained_variance(torch.full((1, 4), 9.0), returns, mask, alone) == pytest.approx(0.0, abs=NEAR)
    assert explained_variance(-returns, returns, mask, alone) == pytest.approx(-3.0, abs=NEAR)
    assert explained_variance(returns, torch.ones(1, 4), mask, alone) == 0.0
    assert [float(part) for part in moments(returns, mask, alone)] == pytest.approx([1.0, 2 / 3], abs=NEAR)
