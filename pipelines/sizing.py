"""Numbers a plan leaves open, from the model, the rows and the device: pure functions, each with its source.

What changes the result (epochs, batch size, learning rate, lengths) depends only on the plan, the model and the
rows; what depends on the device (micro-batch, gradient checkpointing) changes no result.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from graders.errors import UserError
from pipelines.memory import Shape, Tuning


def is_checkpointed(num_parameters: int) -> bool:
    """Whether activations are computed twice rather than kept: they would be too many."""
    return num_parameters > 500_000_000


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What sizing must know of a model. context: the longest sequence it takes, in tokens."""

    shape: Shape
    context: int

    @property
    def num_parameters(self) -> int:
        return self.shape.parameters

    @property
    def hidden_size(self) -> int:
        return self.shape.hidden

    @property
    def checkpointing(self) -> bool:
        """Whether its activations are computed twice rather than kept."""
        return is_checkpointed(self.num_parameters)


@dataclass(frozen=True, slots=True)
class Batch:
    """micro × accumulation × processes = rows per optimizer step."""

    micro: int
    accumulation: int


RATES = {
    "sft": {192: 3e-4, 4096: 2e-5},
    "rl": {192: 2e-4, 768: 3e-6, 1536: 1e-6},
    "preference": {192: 1e-4, 4096: 5e-7},
}
"""Learning rate of full fine-tuning at a hidden size; constant beyond the ends.

SFT: 2e-5 at 4096 (Llama-7B recipes: RFT of Yuan et al. 2308.01825; Zephyr). RL: 1e-6 from 1.5 B to 7 B (DeepScaleR,
DeepSeekMath, Dr. GRPO; TRL's default), 3e-6 at 768 (ReFT's small model, 2401.08967). The smallest: what learned best on
the starter (docs/experiments.md). Preferences (DPO, KTO): 5e-7 from 7 B (Zephyr 2310.16944, Tülu 3 2411.15124).
"""
Method = Literal["sft", "rl", "preference"]


def learning_rate(method: Method, hidden_size: int, tuning: Tuning) -> float:
    """Peak learning rate: straight lines in log-log over hidden size between measured and published points.

    LoRA takes ten times that (tinker-cookbook's rule, M_LoRA = 10).
    """
    points = RATES[method]
    above = next((size for size in sorted(points) if size >= hidden_size), max(points))
    below = next((size for size in sorted(points, reverse=True) if size <= hidden_size), min(points))
    share = math.log(hidden_size / below) / math.log(above / below) if above > below else 0.0
    rate = points[below] * math.pow(points[above] / points[below], share)
    return rate if tuning == "full" else min(10 * rate, 1e-3)


SMALL_HIDDEN, SMALL_STEPS = 512, 120
"""Models of at most this width need so many steps, whatever the number of rows: on 1,500 labels the starter gets
79 % in 2 epochs (24 steps), 97 % in 6 and 98 % in 15; on 100 labels 83 % in 3 epochs and 90 % in 10; on 271 word
problems 49 % in 3 and 48 % in 7 (docs/experiments.md)."""


def sft_epochs(num_rows: int, batch_size: int, hidden_size: int) -> int:
    """Azure's table: under 100 rows 3 to 5 epochs, to 500 2 to 3, to 2,000 1 to 2, above 1; its upper values.

    Small models learn less in a step than those of the table: they get more passes.
    """
    published = 5 if num_rows < 100 else 3 if num_rows < 500 else 2 if num_rows <= 2000 else 1
    if hidden_size > SMALL_HIDDEN:
        return published
    return max(published, math.ceil(SMALL_STEPS * batch_size / max(1, num_rows)))


def reward_model_epochs(num_pairs: int) -> float:
    """One pass, as Llama 2 and InstructGPT have it, since more overfit; three where one teaches too little."""
    return 1 if num_pairs > 2000 else 3


def sft_batch_size(num_rows: int) -> int:
    """Rows per step: a power of two near 16 steps an epoch, from 4 to 128 (Tülu 3's and Yuan et al.'s size)."""
    return 1 << max(2, min(7, round(math.log2(max(num_rows, 1) / 16))))


def preference_epochs(num_rows: int) -> int:
    """One pass over thousands of pairs (Tülu 3), three over fewer (as Zephyr first trained); more cannot be told."""
    return 1 if num_rows > 2000 else 3


def rl_passes(num_prompts: int) -> int:
    """Five under 500 prompts (OpenAI's RFT cookbook; Fireworks takes six over 500), two under 2,000, else one.

    On the starter, 270 prompts: 9 steps of one pass 69.4 %, 45 of five 74.3 %, n = 1,000 (docs/experiments.md).
    """
    return 5 if num_prompts < 500 else 2 if num_prompts < 2000 else 1


def grpo_steps(num_prompts: int, prompts_per_step: int) -> int:
    """rl_passes over the prompts, at most 500 steps: AlpacaFarm and DAPO's gains fall within the first hundreds."""
    return max(1, min(500, rl_passes(num_prompts) * num_prompts // prompts_per_step))


def grpo_prompts_per_step(num_prompts: int) -> int:
    """32 prompts a step (ReFT's number; with G = 8 that is 256 completions), fewer where there are few prompts."""
    return max(1, min(32, num_prompts))


def ppo_prompts_per_step(num_prompts: int) -> int:
    """128 prompts a batch: with two answers each 256, as ReFT's small model has; fewer where there are few prompts."""
    return max(1, min(128, num_prompts))


def ppo_steps(num_prompts: int, prompts_per_step: int) -> int:
    """Batches with as many answers as GRPO has, with eight a prompt: four times its passes; at most 500 batches."""
    return max(1, min(500, 4 * rl_passes(num_prompts) * num_prompts // prompts_per_step))


def value_rate(policy_rate: float) -> float:
    """Five times the policy's rate, as Open-Reasoner-Zero has (5e-6 beside 1e-6): values are regression, not RL."""
    return 5 * policy_rate


def answer_tokens(lengths: Sequence[int]) -> int:
    """How long an answer may be: 1.5 times the longest but 1 % of the demonstrations, to the next multiple of 16.

    Without demonstrations 512 (TRL's default).
    """
    if not lengths:
        return 512
    ordered = sorted(lengths)
    high = ordered[min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)]
    return max(32, 16 * math.ceil(1.5 * high / 16))


@dataclass(frozen=True, slots=True)
class Room:
    """What a device holds at once. tokens: of a micro-batch, beyond which it only gets slower; None where never."""

    memory_bytes: int
    tokens: int | None = None


def split_batch(rows: int, processes: int, tokens_per_row: int, need: Callable[[int], int], room: Room) -> Batch:
    """The largest micro-batch that divides the batch and fits the room.

    need: rows of a micro-batch → bytes that a step takes with them (pipelines/memory.py); more rows, more bytes.
    """
    if rows % processes:
        raise UserError(
            f"{rows} rows a step cannot be shared by {processes} processes",
            f"a multiple of {processes}",
            "change batch_size (for GRPO: prompts_per_step × group_size), or processes",
        )
    share = rows // processes
    most = share if room.tokens is None else min(share, max(1, room.tokens // tokens_per_row))
    fits = bisect_right(range(1, most + 1), room.memory_bytes, key=need)
    micro = next(size for size in range(max(1, fits), 0, -1) if share % size == 0)
    return Batch(micro, share // micro)


CPU_TOKENS = 32_768
"""Of a batch that samples on a CPU: its caches make larger ones no faster (docs/experiments.md)."""


def rows_at_once(tokens_per_row: int, cache_bytes_per_token: int, vocab_size: int, room: Room) -> int:
    """How many answers are sampled together: the cache of each, twice where it is copied, and its probabilities.

    A row's probabilities: the logits and their softmax in fp32, cumulated in fp64 (pipelines/decoding.py).
    """
    per_row = 2 * tokens_per_row * cache_bytes_per_token + 24 * vocab_size
    fits = room.memory_bytes // per_row
    return max(1, fits if room.tokens is None else min(fits, room.tokens // tokens_per_row))
