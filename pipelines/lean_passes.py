"""What GRPO's and PPO's trainers share: their passes take no padding that can be left out, and a group's prompt once.

The same numbers and gradients as TRL's own passes, for fewer tokens. The private methods of TRL that are overridden are
named in tests/pipelines/test_grpo.py and test_ppo.py.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from trl import GRPOTrainer

from pipelines import decoding, rl_sampling, shared_prompts
from pipelines.lean_batch import Batch, in_groups, read_in_parts

MEANS_OVER_ANSWERS = frozenset({"grpo", "sapo", "dr_grpo", "luspo"})
"""TRL's losses that divide by the number of answers in a micro-batch."""
SUMS = frozenset({"dapo", "cispo", "vespo"})
"""Those that divide by the tokens of the whole batch, whatever the micro-batch holds."""


class LeanTrainer(GRPOTrainer):  # type: ignore[misc]  # TRL is untyped here
    """A GRPOTrainer with our engine and lean passes."""

    _buffered_inputs: list[dict[str, Any]] | None  # TRL's: the micro-batches of the newest generation

    def _generate_single_turn(
        self, prompt_ids: Any, images: Any, multimodal_fields: Any, num_generations: Any, has_tool_images: bool = False
    ) -> Any:
        if rl_sampling.takes(self):
            return rl_sampling.draw(self, prompt_ids), None
        return super()._generate_single_turn(prompt_ids, images, multimodal_fields, num_generations, has_tool_images)

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        """TRL's, but rows of one group stand in one micro-batch: it shuffles those of an update, whose sum over its
        micro-batches is the same in any order."""
        known = self._buffered_inputs
        inputs = super()._prepare_inputs(generation_batch)
        if self._buffered_inputs is known or self.loss_type not in MEANS_OVER_ANSWERS | SUMS or has_images(inputs):
            return inputs
        parts, per_update = self._buffered_inputs or [], self.args.gradient_accumulation_steps
        updates = [parts[first : first + per_update] for first in range(0, len(parts), per_update)]
        self._buffered_inputs = [part for some in updates for part in in_groups(some)]
        return self._buffered_inputs[self._step % self.args.steps_per_generation]

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: Any, **others: Any
    ) -> Any:
        """(B, C) log-probabilities and entropies of the completions' tokens. A reference model computes no entropy."""
        named = {name for name, value in others.items() if value is not None and value is not False}
        trls = super()._get_per_token_logps_and_entropies
        if named - {"batch_size", "compute_entropy"} or self.args.pad_to_multiple_of:
            return trls(model, input_ids, attention_mask, logits_to_keep, **others)
        plain = decoding.plain(self.accelerator.unwrap_model(model))
        with_entropy, fits = "compute_entropy" in named, self._shares(plain)

        def read(part: Batch) -> Sequence[Tensor]:
            if fits and shared_prompts.saves(part):
                return self._behind_prompts(model, plain, part)[: 1 + with_entropy]
            found = trls(model, part.ids, part.mask, part.completion, compute_entropy=with_entropy)
            return found[: 1 + with_entropy]  # type: ignore[no-any-return]

        batch = Batch.of(input_ids, attention_mask, logits_to_keep)
        outputs = read_in_parts(batch, others.get("batch_size") or len(input_ids), may_move(plain), read)
        return outputs[0], outputs[1] if with_entropy else None, None

    def _shares(self, plain: Any) -> bool:
        """Of the training as a whole and not of the model as it stands: passes whose numbers are compared (old, new,
        reference) must be made in one way, or in bf16 they differ by 0.1 a token."""
        if self.args.activation_checkpointing or length_decides(plain):
            return False
        return shared_prompts.fits(self.accelerator.distributed_type, plain)

    def _behind_prompts(self, model: Any, plain: Any, part: Batch) -> tuple[Tensor, Tensor]:
        """TRL's fused output."""
        with self.accelerator.autocast():
            cache, answers = shared_prompts.read_prompts(plain.base_model, part)
            labels = answers.masked_fill(part.mask[:, -answers.size(1) :] == 0, -100)
            labels[:, 0] = -100
            output = model(
                input_ids=answers, attention_mask=part.mask, past_key_values=cache, labels=labels, fused_lm_head=True
            )
        return output.log_probs, output.entropy


def may_move(model: Any) -> bool:
    """Whether padding before a prompt changes nothing but rounding: positions are rotary. TRL counts positions with the
    padding, which a model that has learned them (GPT-2) notices."""
    return bool(_rotary_kinds(model)) and not length_decides(model)


def length_decides(model: Any) -> bool:
    """Whether the frequencies of its rotary positions depend on the longest row of a pass."""
    return any("dynamic" in kind or kind == "longrope" for kind in _rotary_kinds(model))


def _rotary_kinds(model: Any) -> set[str]:
    found = getattr(model.config.get_text_config(), "rope_parameters", None) or {}
    by_layer = [found] if "rope_type" in found else [one for one in found.values() if isinstance(one, dict)]
    return {str(one.get("rope_type", "default")) for one in by_layer}


def has_images(inputs: dict[str, Any]) -> bool:
    return inputs.get("pixel_values") is not None
