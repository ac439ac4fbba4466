"""TRL's DPO and KTO trainers on rows that are tokenised already, with what they do not measure themselves.

Of each, two private methods are overridden; a test names them. TRL would render and tokenise the rows itself, prompt
and answer in one go, and where the template renders a prompt otherwise before an answer it cuts the prompt's end off.
TRL's own `sft` loss is a mean over the tokens of a micro-batch, so that its result would depend on the device.
"""

from collections.abc import Callable
from typing import Any

import torch
from trl import DPOTrainer, KTOTrainer

from pipelines.preference_alarms import CHOSEN_CHANGE, MARGIN

NEAR = 0.05
"""Nats a token by which policy and reference may differ before the first step: a rounding error of bf16, no more."""
_SFT_LOSS = "sft_loss"


class PairTrainer(DPOTrainer):  # type: ignore[misc]  # trl is untyped here
    """sft_weight: of the chosen answers' negative log-probability per token, a mean over rows (Pang et al. 2024,
    Iterative RPO, arXiv 2404.19733)."""

    def __init__(self, sft_weight: float, **arguments: Any) -> None:
        self._sft_weight = sft_weight
        super().__init__(**arguments)

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:  # noqa: ARG002
        return dataset

    def _compute_loss(self, model: Any, inputs: Any, return_outputs: bool) -> Any:
        """A batch holds B chosen sequences, then their B rejected ones: (2B, T)."""
        forward, kept = _kept_log_probs(model)
        loss = super()._compute_loss(forward, inputs, return_outputs)
        chosen_mask_BT = inputs["completion_mask"][:, 1:].chunk(2)[0]
        tokens_B = chosen_mask_BT.sum(1)
        _note_change(self, tokens_B.sum(), tokens_B.new_tensor(len(tokens_B)))
        if self._sft_weight:
            sft = -(kept[0].chunk(2)[0].sum(1) / tokens_B).mean()
            self._metrics["train"][_SFT_LOSS].append(sft.item())
            loss = loss + self._sft_weight * sft
        return loss


class ThumbTrainer(KTOTrainer):  # type: ignore[misc]  # trl is untyped here
    """KTO with the prompts and completions of pipelines/preferences/examples.py."""

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:  # noqa: ARG002
        return dataset

    def _compute_loss(self, model: Any, inputs: Any, return_outputs: bool) -> Any:
        told = self._metrics["train"]  # asking it by [] would leave an empty list, which TRL cannot average
        before = len(told.get("rewards/chosen", ()))
        loss = super()._compute_loss(model, inputs, return_outputs)
        good_B = inputs["label"].bool()
        tokens = inputs["completion_mask"][good_B][:, 1:].sum()
        if len(told.get("rewards/chosen", ())) > before:  # on some process there is a good answer
            _note_change(self, tokens, good_B.sum())
        return loss


def _kept_log_probs(model: Any) -> tuple[Callable[..., Any], list[torch.Tensor]]:
    """The model as a function, and the (B, T-1) log-probabilities of each of its calls, with their gradient."""
    kept: list[torch.Tensor] = []

    def forward(**arguments: Any) -> Any:
        outputs = model(**arguments)
        kept.append(outputs.log_probs)
        return outputs

    return forward, kept


def _note_change(trainer: Any, tokens: torch.Tensor, rows: torch.Tensor) -> None:
    """Logs how far the chosen answers moved, in nats a token; before the first step they must stand still."""
    all_tokens, all_rows = (trainer.accelerator.gather(value).sum().item() for value in (tokens, rows))
    metrics = trainer._metrics["train"]
    change = metrics["rewards/chosen"][-1] / trainer.beta * all_rows / max(all_tokens, 1)
    metrics[CHOSEN_CHANGE].append(change)
    if trainer.state.global_step == 0 and not abs(change) <= NEAR:
        raise RuntimeError(
            f"the policy differs from its reference before the first step, by {change:.3f} nats a token "
            f"({MARGIN} {metrics[MARGIN][-1] if metrics[MARGIN] else 0.0:.3f})"
        )
