"""TRL's GRPOTrainer with our order of prompts and our engine, that trains on the answers alone that teach something and
reads the prompt of a group once. A test names the private methods that are overridden."""

from typing import Any

import torch
from accelerate.utils import gather_object
from trl import GRPOTrainer

from pipelines import rl_sampling, shared_prompts
from pipelines.prompt_queue import PromptQueue

MEANS_OVER_ANSWERS = frozenset({"grpo", "sapo", "dr_grpo", "luspo"})
"""TRL's losses that divide by the number of answers in a micro-batch."""
SUMS = frozenset({"dapo", "cispo", "vespo"})
"""Those that divide by the tokens of the whole batch, whatever the micro-batch holds."""

LEAVES_OUT = True
"""Whether answers without an advantage stay out of the passes. A trial of a step's memory and time wants the most that
one can take, which an answer that no grader likes would hide."""


class QueuedGRPOTrainer(GRPOTrainer):  # type: ignore[misc]  # trl is untyped here
    """Draws its prompts from a queue, which is told what each generation's answers were worth."""

    _buffered_inputs: list[dict[str, Any]] | None  # TRL's: the micro-batches of the newest generation

    def __init__(self, queue: PromptQueue, **arguments: Any) -> None:
        self._queue = queue
        super().__init__(**arguments)
        self.add_callback(queue)  # its state goes into the checkpoints

    def _get_train_sampler(self, dataset: Any = None) -> Any:  # noqa: ARG002 - the queue knows the rows by number
        return self._queue

    def _generate_single_turn(
        self, prompt_ids: Any, images: Any, multimodal_fields: Any, num_generations: Any, has_tool_images: bool = False
    ) -> Any:
        if rl_sampling.takes(self):
            return rl_sampling.draw(self, prompt_ids), None
        return super()._generate_single_turn(prompt_ids, images, multimodal_fields, num_generations, has_tool_images)

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Any:
        """(B over all processes, 1) rewards, in the order of the processes."""
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self._queue.tell(gather_object([example["row_index"] for example in inputs]), rewards[:, 0].tolist())
        return rewards

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        """TRL's, but rows of one group stand in one micro-batch: it shuffles those of an update, whose sum over its
        micro-batches is the same in any order."""
        known = self._buffered_inputs
        inputs = super()._prepare_inputs(generation_batch)
        if self._buffered_inputs is known or self.loss_type not in MEANS_OVER_ANSWERS | SUMS or _has_images(inputs):
            return inputs
        parts, per_update = self._buffered_inputs or [], self.args.gradient_accumulation_steps
        updates = [parts[first : first + per_update] for first in range(0, len(parts), per_update)]
        self._buffered_inputs = [part for some in updates for part in shared_prompts.in_groups(some)]
        return self._buffered_inputs[self._step % self.args.steps_per_generation]

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: Any, **others: Any
    ) -> Any:
        """The same numbers, with a prompt read once for its group where that saves enough."""
        named = {name for name, value in others.items() if value is not None and value is not False}
        prompt = input_ids.size(1) - logits_to_keep
        owners = shared_prompts.by_prompt(input_ids[:, :prompt], attention_mask[:, :prompt])
        saves = shared_prompts.saves(owners, prompt, logits_to_keep)
        if named - {"batch_size", "compute_entropy"} or not saves or not shared_prompts.fits(self, model):
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, **others
            )
        batch = shared_prompts.Batch(input_ids, attention_mask, logits_to_keep, owners)
        at_once, with_entropy = others.get("batch_size") or len(owners), "compute_entropy" in named
        return *shared_prompts.log_probs(self, model, batch, at_once, with_entropy), None

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
            and not _has_images(inputs)
        )


def _has_images(inputs: dict[str, Any]) -> bool:
    return inputs.get("pixel_values") is not None


def teaches(inputs: dict[str, Any]) -> torch.Tensor:
    """(B,) bool: whose advantage is not zero."""
    return inputs["advantages"].reshape(len(inputs["advantages"]), -1).ne(0).any(dim=1)


def teaching(inputs: dict[str, Any], least: int = 1) -> tuple[dict[str, Any], float]:
    """The answers of a micro-batch whose advantage is not zero, and others up to `least` or one, padded no longer than
    they need; and their share. Tensors of (B, ...) are cut along B, those of (B, T) of the completions along T; others
    stay.

    Padding before the prompts goes too where no probability was taken with it: TRL counts positions with the padding,
    which a model with learned positions (GPT-2) notices.
    """
    rows_B = teaches(inputs)
    count, longest = len(rows_B), inputs["completion_ids"].size(1)
    missing = max(least, 1) - int(rows_B.sum())  # every process needs a loss to differentiate
    if missing > 0:
        rows_B[(~rows_B).nonzero().flatten()[:missing]] = True
    needed = int(inputs["completion_mask"][rows_B].sum(dim=1).max().clamp(min=1))
    was_padded = "old_per_token_logps" in inputs or "sampling_per_token_logps" in inputs
    padding = 0 if was_padded else int(inputs["prompt_mask"][rows_B].any(dim=0).int().argmax())
    kept = {}
    for name, value in inputs.items():
        if not isinstance(value, torch.Tensor) or value.dim() == 0 or len(value) != count:
            kept[name] = value
            continue
        kept[name] = value[rows_B]
        if name in ("prompt_ids", "prompt_mask"):
            kept[name] = kept[name][:, padding:]
        elif value.dim() == 2 and value.size(1) == longest:
            kept[name] = kept[name][:, :needed]
    return kept, int(rows_B.sum()) / count
