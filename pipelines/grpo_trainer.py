"""TRL's GRPOTrainer with our order of prompts and lean passes, that trains on the answers alone that teach something. A
test names the private methods that are overridden."""

from typing import Any

import torch
from accelerate.utils import gather_object

from pipelines.lean_passes import MEANS_OVER_ANSWERS, SUMS, LeanTrainer, has_images
from pipelines.prompt_queue import PromptQueue

LEAVES_OUT = True
"""Whether answers without an advantage stay out of the passes. A trial of a step's memory and time wants the most that
one can take, which an answer that no grader likes would hide."""


class QueuedGRPOTrainer(LeanTrainer):
    """Draws its prompts from a queue, which is told what each generation's answers were worth."""

    def __init__(self, queue: PromptQueue, **arguments: Any) -> None:
        self._queue = queue
        super().__init__(**arguments)
        self.add_callback(queue)  # its state goes into the checkpoints

    def _get_train_sampler(self, dataset: Any = None) -> Any:  # noqa: ARG002 - the queue knows the rows by number
        return self._queue

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Any:
        """(B over all processes, 1) rewards, in the order of the processes."""
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self._queue.tell(gather_object([example["row_index"] for example in inputs]), rewards[:, 0].tolist())
        return rewards

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        """The same loss and gradient as TRL's, without the answers that add nothing to either: where all of a group are
        worth the same their advantages are zero. TRL's metrics (entropy, clipping) are then over the others."""
        if not self._may_leave_out(inputs):
            return super()._compute_loss(model, inputs)
        kept, share = teaching(inputs, self._most_taught(inputs))
        loss = super()._compute_loss(model, kept)
        return loss * share if self.loss_type in MEANS_OVER_ANSWERS else loss

    def _most_taught(self, inputs: dict[str, Any]) -> int:
        """Of any process: TRL gathers its metrics by row, so all must hold as many rows."""
        count = teaches(inputs).sum().reshape(1)
        return int(self.accelerator.gather(count).max() if self.accelerator.num_processes > 1 else count)

    def _may_leave_out(self, inputs: dict[str, Any]) -> bool:
        """Whether the advantages alone decide the gradient, and its divisor is known."""
        return (
            LEAVES_OUT
            and self.loss_type in MEANS_OVER_ANSWERS | SUMS
            and self.beta == 0.0
            and self.top_entropy_quantile == 1.0
            and not self._entropy_bonus_enabled
            and not self.aux_loss_enabled
            and not has_images(inputs)
        )


def teaches(inputs: dict[str, Any]) -> torch.Tensor:
    """(B,) bool: whose advantage is not zero."""
    return inputs["advantages"].reshape(len(inputs["advantages"]), -1).ne(0).any(dim=1)


def teaching(inputs: dict[str, Any], least: int = 1) -> tuple[dict[str, Any], float]:
    """The answers of a micro-batch whose advantage is not zero, and others up to `least` or one; and their share.
    Tensors of (B, ...) are cut, others stay."""
    rows_B = teaches(inputs)
    count = len(rows_B)
    missing = max(least, 1) - int(rows_B.sum())  # every process needs a loss to differentiate
    if missing > 0:
        rows_B[(~rows_B).nonzero().flatten()[:missing]] = True
    kept = {
        name: value[rows_B] if isinstance(value, torch.Tensor) and value.dim() > 0 and len(value) == count else value
        for name, value in inputs.items()
    }
    return kept, int(rows_B.sum()) / count
