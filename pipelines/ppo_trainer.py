"""PPO as a GRPOTrainer that hands over advantages per token and learns a value model beside the policy.

TRL samples, grades, distributes, logs and clips the policy's ratio. This adds: a reference that the KL in the reward is
taken to, values, GAE, the values' loss, and the value model's part in optimizer and checkpoint. One process or DDP.
The private methods that are overridden are named in tests/pipelines/test_ppo.py, which fails when TRL renames one.
"""

from pathlib import Path
from typing import Any

import torch
from accelerate.utils import DistributedType, gather_object
from torch import Tensor
from trl.trainer.utils import add_fused_lm_head, disable_dropout_in_model

from graders.errors import UserError
from pipelines import decoding, ppo_math
from pipelines.alarms import SPREADLESS
from pipelines.lean_batch import Batch, read_in_parts
from pipelines.lean_passes import LeanTrainer, may_move
from pipelines.plan import PPO
from pipelines.sharding import holds_whole
from pipelines.value_model import ValueModel

VALUE_CLIP = 0.2
"""How far a value may move from one sampling to the next: ReFT's and TRL's old PPO's number."""
GAMMA = 1.0
"""Later tokens count in full: ReFT, InstructGPT."""
MOST_KL_AT_START = 1e-4
"""Policy and reference are the same weights then; more per token is a bug (dropout, another template), not rounding."""


def refuse_sharding(kind: DistributedType) -> None:
    """Raises UserError unless each process holds whole models: one process, or DDP."""
    if not holds_whole(kind):
        raise UserError(
            f"ppo does not train under {kind.value}",
            "one process, or several that each hold the whole model (DDP): the value model is not sharded",
            "tuning: lora or qlora, which leave room for it, or grpo, which has no value model",
        )


class PPOTrainer(LeanTrainer):
    """A GRPOTrainer with beta 0; call `equip` before `train`."""

    def equip(self, stage: PPO, value: ValueModel, value_rate: float, reference: Any) -> None:
        """reference: a copy of the policy made before the trainer was; None with LoRA, whose adapter is turned off."""
        refuse_sharding(self.accelerator.distributed_type)
        self._stage, self.value_model, self._value_rate = stage, value.to(self.accelerator.device), value_rate
        self._reference = reference
        self._scores_B = torch.zeros(0)  # of this process's part of the newest batch; NaN where unscored
        self._idle = 0.0  # 1 where all answers of the newest batch are worth the same; TRL looks at groups of two
        if reference is not None:
            reference.to(self.accelerator.device).requires_grad_(False).eval()
            head_in_fp32 = self.args.cast_lm_head_to_fp32
            add_fused_lm_head(reference, temperature=self.temperature, cast_lm_head_to_fp32=head_in_fp32)
        disable_dropout_in_model(value)
        value.train()  # as it is loaded its layers would not be computed twice
        if self.args.activation_checkpointing:
            value.body.activation_checkpointing_enable()

    def value_fingerprint(self) -> str:
        """Of the value model; raises RuntimeError where processes hold different ones."""
        prints = set(gather_object([self.value_model.fingerprint()]))
        if len(prints) > 1:
            raise RuntimeError(f"the processes' value models differ: {sorted(prints)}")
        return str(self.value_model.fingerprint())

    def create_optimizer(self, model: Any = None) -> Any:
        """One optimizer for both, so that one schedule and one checkpoint hold them."""
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if is_new:
            parameters = list(self.value_model.trained().values())
            optimizer.add_param_group({"params": parameters, "lr": self._value_rate, "weight_decay": 0.0})
            # The Trainer clips and clears the gradients of its own model alone.
            optimizer.register_step_pre_hook(lambda *_: self._ready_gradients())
            optimizer.register_step_post_hook(lambda *_: self.value_model.zero_grad())
        return optimizer

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        """Keeps this process's scores; what comes back holds those of all processes."""
        rewards: Tensor = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        scores, first = rewards[:, 0], self.accelerator.process_index * len(prompts)
        self._scores_B = scores[first : first + len(prompts)]
        scored = scores[scores.isfinite()]
        self._idle = float(scored.numel() == 0 or bool(scored.max() - scored.min() < 1e-6))
        if self.state.global_step == 0 and scored.numel():
            self.value_model.start_at(float(scored.mean()))
        return rewards

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        mask_BT = batch["completion_mask"].float()
        learn_BT = mask_BT * self._scores_B.isfinite()[:, None]
        with torch.no_grad():
            old_BT = batch.get("old_per_token_logps")
            old_BT = self._log_probs(self.model, batch) if old_BT is None else old_BT
            kl_BT = (old_BT - self._reference_log_probs(batch)) * mask_BT
            values_BT = self._values(batch) * mask_BT
        rewards_BT = ppo_math.token_rewards(self._scores_B, kl_BT, mask_BT, self._stage.kl)
        advantages_BT, returns_BT = ppo_math.gae(rewards_BT, values_BT, mask_BT, GAMMA, self._stage.gae_lambda)
        self._measure(kl_BT, values_BT, returns_BT, learn_BT)
        # Where all answers are worth the same, only the values' own errors are left, and whitening would blow them up.
        advantages_BT = (1 - self._idle) * ppo_math.whiten(advantages_BT, learn_BT, self._total)
        learned = {"values": values_BT, "returns": returns_BT, "learn_mask": learn_BT}
        return {**batch, "old_per_token_logps": old_BT, "advantages": advantages_BT, **learned}

    def _compute_loss(self, model: Any, inputs: Any) -> Tensor:
        policy_loss: Tensor = super()._compute_loss(model, inputs)
        values_BT = self._values(inputs)
        losses_BT = ppo_math.value_loss(values_BT, inputs["values"], inputs["returns"], VALUE_CLIP)
        # As TRL's token-level losses: the mean over all tokens of the batch that one optimizer step learns from.
        share = self.current_gradient_accumulation_steps / self.args.steps_per_generation
        tokens = inputs["num_items_in_batch"].clamp(min=1.0) / self.accelerator.num_processes * share
        value_loss = (losses_BT * inputs["learn_mask"]).sum() / tokens
        # In every step's log, so that steps of later epochs count too.
        self._metrics["train"][SPREADLESS].append(self._idle)
        return policy_loss + value_loss

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            self.value_model.save(Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}")

    def _load_optimizer_and_scheduler(self, checkpoint: Any) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            self.value_model.load(Path(checkpoint))

    def _ready_gradients(self) -> None:
        """Shares the value model's gradients between processes, clips them, and lets no NaN reach a weight."""
        values = list(self.value_model.trained().values())
        self._share_gradients(values)
        torch.nn.utils.clip_grad_norm_(values, self.args.max_grad_norm or torch.inf)
        every = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        gradients = [parameter.grad for parameter in every if parameter.grad is not None]
        if not torch.nn.utils.get_total_norm(gradients).isfinite():
            for gradient in gradients:
                gradient.zero_()

    def _share_gradients(self, parameters: list[Any]) -> None:
        if self.accelerator.num_processes == 1:
            return
        flat = torch.cat([parameter.grad.flatten() for parameter in parameters])
        parts = self.accelerator.reduce(flat, "mean").split([parameter.numel() for parameter in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad.copy_(part.view_as(parameter))

    def _reference_log_probs(self, batch: dict[str, Any]) -> Tensor:
        if self._reference is not None:
            return self._log_probs(self._reference, batch)
        with self.accelerator.unwrap_model(self.model).disable_adapter():
            return self._log_probs(self.model, batch)

    def _log_probs(self, model: Any, batch: dict[str, Any]) -> Tensor:
        """(B, T) log-probabilities of the completions' tokens."""
        ids, mask = _whole(batch)
        size = self.args.per_device_train_batch_size
        log_probs: Tensor = self._get_per_token_logps_and_entropies(
            model, ids, mask, batch["completion_ids"].size(1), batch_size=size
        )[0]
        return log_probs

    def _values(self, batch: dict[str, Any]) -> Tensor:
        """(B, T) what the states before the completions' tokens are worth, in micro-batches."""
        asked, size = Batch.of(*_whole(batch), batch["completion_ids"].size(1)), self.args.per_device_train_batch_size
        policy = decoding.plain(self.accelerator.unwrap_model(self.model))  # whose layers the value model's are like
        shares, moves = self._shares(policy), may_move(policy)
        with self.accelerator.autocast():
            return read_in_parts(asked, size, moves, lambda part: [self.value_model(part, shares)])[0]

    def _total(self, value: Tensor) -> Tensor:
        total: Tensor = self.accelerator.reduce(value, "sum")
        return total

    def _measure(self, kl_BT: Tensor, values_BT: Tensor, returns_BT: Tensor, learn_BT: Tensor) -> None:
        """Raises RuntimeError where the KL does not start at zero."""
        if self.state.global_step == 0 and float(kl_BT.abs().max()) > MOST_KL_AT_START:
            raise RuntimeError(f"the policy differs from its reference before the first step: {kl_BT.abs().max()}")
        metrics = self._metrics["train"]
        metrics["kl"].append(float(ppo_math.moments(kl_BT, learn_BT, self._total)[0]))
        of_values = ppo_math.explained_variance(values_BT, returns_BT, learn_BT, self._total)
        metrics["explained_variance"].append(of_values)
        metrics[SPREADLESS][-1] = self._idle


def _whole(batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Prompts with completions: ids and attention mask, both (B, P+T)."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    return ids, torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
