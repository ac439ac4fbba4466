"""How much a training stage does: rows a step, steps, passes, learning rate, and how a step is split for the device.

In: the stage as the plan has it, its model, how many rows it has and how long the longest is. Out: a Sized, which the
method's trainer is built from and `check` shows. Pure; the numbers behind it, with their sources, are sizing.py's.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from graders.errors import UserError
from pipelines import sizing
from pipelines.grpo_losses import LOSSES
from pipelines.memory import Step, Tuning, Way, cache_bytes, memory
from pipelines.models import EAGER_TOKENS
from pipelines.plan import DPO, GRPO, KTO, PPO, SFT, RejectionSampling, RewardModel
from pipelines.sizing import Batch, ModelFacts, Room, split_batch

KTO_AT_ONCE = 8
"""Answers that KTO's KL is measured over: ours; the paper wants more than a few, and TRL more than one."""
Learner = SFT | RejectionSampling | DPO | KTO | RewardModel | GRPO | PPO
PPO_PER_PROMPT = 2
"""Answers a prompt gets in PPO; the fewest that TRL takes."""


@dataclass(frozen=True, slots=True)
class Device:
    """processes: how many train together. room: what each may fill. bf16: whether they compute in it.

    lora_rank: of the adapter, where there is one.
    """

    processes: int
    room: Room
    kind: Literal["cpu", "cuda"]
    bf16: bool
    lora_rank: int


@dataclass(frozen=True, slots=True)
class Data:
    """What a stage learns from. rows: examples, or prompts in RL. longest: tokens of the longest, with its answer."""

    rows: int
    longest: int


@dataclass(frozen=True, slots=True)
class Sized:
    """per_step: examples, or completions in RL, that an optimizer step takes over all processes. steps: of the
    optimizer. epochs: passes over the rows. longest: tokens of the longest sequence, its answer included. way: what
    its memory follows from.
    """

    rows: int
    longest: int
    per_step: int
    batch: Batch
    learning_rate: float
    epochs: float
    steps: int
    way: Way


def sft(stage: SFT | RejectionSampling, facts: ModelFacts, tuning: Tuning, data: Data, device: Device) -> Sized:
    """Of `sft`, and of the training in `rejection_sampling`."""
    rate = stage.learning_rate or sizing.learning_rate("sft", facts.hidden_size, tuning)
    size = stage.batch_size or sizing.sft_batch_size(data.rows)
    way = _way(stage, facts, tuning, data, device)
    epochs = stage.epochs or sizing.sft_epochs(data.rows, size, facts.hidden_size)
    return _passes(data, size, _split(size, facts, way, data, device), rate, epochs, way)


def dpo(stage: DPO, facts: ModelFacts, tuning: Tuning, data: Data, device: Device) -> Sized:
    """Of `dpo`; a row is a pair."""
    rate = stage.learning_rate or sizing.learning_rate("preference", facts.hidden_size, tuning)
    size = stage.batch_size or sizing.sft_batch_size(data.rows)
    way = _way(stage, facts, tuning, data, device)
    epochs = stage.epochs or sizing.preference_epochs(data.rows)
    return _passes(data, size, _split(size, facts, way, data, device), rate, epochs, way)


def kto(stage: KTO, facts: ModelFacts, tuning: Tuning, data: Data, device: Device) -> Sized:
    """Of `kto`; a row is a marked answer."""
    rate = stage.learning_rate or sizing.learning_rate("preference", facts.hidden_size, tuning)
    size = stage.batch_size or sizing.sft_batch_size(data.rows)
    way = _way(stage, facts, tuning, data, device)
    batch = _of_several(size, _split(size, facts, way, data, device))
    return _passes(data, size, batch, rate, stage.epochs or sizing.preference_epochs(data.rows), way)


def reward_model(stage: RewardModel, facts: ModelFacts, tuning: Tuning, data: Data, device: Device) -> Sized:
    """Of `reward_model` by training; a row is a pair. Its steps run through all passes without a break."""
    rate = stage.learning_rate or sizing.learning_rate("sft", facts.hidden_size, tuning)
    size = stage.batch_size or sizing.sft_batch_size(data.rows)
    way = _way(stage, facts, tuning, data, device)
    batch = _split(size, facts, way, data, device)
    epochs = stage.epochs or sizing.reward_model_epochs(data.rows)
    steps = math.ceil(max(1, round(epochs * data.rows)) / size)
    return Sized(data.rows, data.longest, size, batch, rate, epochs, steps, way)


def grpo(stage: GRPO, facts: ModelFacts, tuning: Tuning, data: Data, device: Device) -> Sized:
    """Of `grpo`; a row is a prompt, which gets group_size completions."""
    updates = updates_per_generation(stage)
    usual = sizing.grpo_prompts_per_step(data.rows // updates)
    prompts = _prompts_per_step(stage.prompts_per_step, usual, data.rows, updates)
    rate = stage.learning_rate or sizing.learning_rate("rl", facts.hidden_size, tuning)
    way = _way(stage, facts, tuning, data, device)
    size = prompts * stage.group_size
    batch = _split(size, facts, way, data, device)
    steps = stage.steps or sizing.grpo_steps(data.rows, prompts)
    return Sized(data.rows, data.longest, size, batch, rate, steps * prompts / data.rows, steps, way)


def updates_per_generation(stage: GRPO) -> int:
    """Optimizer steps from one round of sampling."""
    return stage.updates_per_generation or LOSSES[stage.loss].updates


def answers_per_prompt(stage: GRPO | PPO) -> int:
    """In training."""
    return stage.group_size if isinstance(stage, GRPO) else PPO_PER_PROMPT


def ppo(stage: PPO, facts: ModelFacts, tuning: Tuning, data: Data, device: Device) -> Sized:
    """Of `ppo`; a row is a prompt, which gets PPO_PER_PROMPT completions; epochs_per_step optimizer steps a batch."""
    prompts = _prompts_per_step(stage.prompts_per_step, sizing.ppo_prompts_per_step(data.rows), data.rows)
    rate = stage.learning_rate or sizing.learning_rate("rl", facts.hidden_size, tuning)
    way = _way(stage, facts, tuning, data, device)
    size = PPO_PER_PROMPT * prompts
    batch = _split(size, facts, way, data, device)
    batches = stage.steps or sizing.ppo_steps(data.rows, prompts)
    epochs = batches * prompts / data.rows
    return Sized(data.rows, data.longest, size, batch, rate, epochs, batches * stage.epochs_per_step, way)


SIZED: Mapping[str, Callable[..., Sized]] = {
    "sft": sft,
    "rejection_sampling": sft,
    "dpo": dpo,
    "kto": kto,
    "reward_model": reward_model,
    "grpo": grpo,
    "ppo": ppo,
}
"""Stage type → its function; each takes (stage, facts, tuning, data, device)."""


def _passes(data: Data, size: int, batch: Batch, rate: float, epochs: float, way: Way) -> Sized:
    """A pass ends with a step of the rows left over."""
    steps = math.ceil(epochs * math.ceil(data.rows / size))
    return Sized(data.rows, data.longest, size, batch, rate, epochs, steps, way)


def _way(stage: Learner, facts: ModelFacts, tuning: Tuning, data: Data, device: Device) -> Way:
    """RL on a CPU attends plainly; elsewhere so do short rows (models.attend_fast)."""
    plainly = stage.type in ("grpo", "ppo") or data.longest <= EAGER_TOKENS
    return Way(
        method=stage.type,
        tuning=tuning,
        rank=device.lora_rank,
        device=device.kind,
        bf16=device.bf16,
        checkpointing=facts.checkpointing,
        eager=device.kind == "cpu" and plainly,
    )


def sampled_at_once(stage: Learner, facts: ModelFacts, size: Sized, kept_rows: int, room: Room) -> int:
    """Answers that are sampled together: those of a round in RL, else to the validation rows that keep the best."""
    asked = kept_rows
    if isinstance(stage, RejectionSampling):
        asked = max(asked, size.rows // (1 + stage.max_kept_per_prompt) * stage.samples_per_prompt)
    if isinstance(stage, GRPO | PPO):
        asked = max(asked, size.per_step * (updates_per_generation(stage) if isinstance(stage, GRPO) else 1))
    fits = sizing.rows_at_once(size.longest, cache_bytes(facts.shape, 4), facts.shape.vocabulary, room)
    return min(asked, fits)


def _split(size: int, facts: ModelFacts, way: Way, data: Data, device: Device) -> Batch:
    def need(rows: int) -> int:
        return memory(facts.shape, way, Step(rows, data.longest, several=True)).step

    tokens = data.longest * (2 if way.method in ("dpo", "kto", "reward_model") else 1)  # of a row that is computed
    return split_batch(size, device.processes, tokens, need, device.room)


def _of_several(size: int, fits: Batch) -> Batch:
    """Micro-batches of two to KTO_AT_ONCE answers. A step holds each answer and one for the KL."""
    share = fits.micro * fits.accumulation
    micros = [micro for micro in range(2, 1 + min(KTO_AT_ONCE, max(2, fits.micro))) if share % micro == 0]
    if not micros:
        raise UserError(
            f"batch_size {size} leaves {share} answers a process, which cannot be taken two to {KTO_AT_ONCE} at a time",
            "an even number of answers a process",
            "change batch_size",
        )
    return Batch(micros[-1], share // micros[-1])


def _prompts_per_step(asked: int | None, usual: int, num_prompts: int, updates: int = 1) -> int:
    """The plan's number, else the usual one. updates: optimizer steps that share a round of sampling.

    Raises UserError where a round needs more prompts than there are.
    """
    prompts = asked or usual
    if prompts * updates > num_prompts:
        times = f" and {updates} updates share a generation" if updates > 1 else ""
        raise UserError(
            f"prompts_per_step is {prompts}{times}, but there are only {num_prompts} prompts",
            "no more prompts a generation than there are",
            "lower prompts_per_step, or leave it out",
        )
    return prompts
