"""How much memory a stage that trains takes: the one model of it, for cutting micro-batches and for `check`.

In: the method, what its model is, what a micro-batch holds. Out: bytes, part by part. Pure. What is counted:

- weights in fp32; AdamW's two states, 8 bytes a trained parameter; gradients, 4;
- a second model: the reference of DPO, KTO and PPO, the values of PPO, a reward model that scores;
- activations that the backward pass needs, per token and layer, read off the layers of a Llama or Qwen3 in transformers
  5; with checkpointing each layer's input, and one layer's activations;
- the output layer. TRL 1.16 never holds all logits: it makes them in tiles of 4,096 tokens × 32,768 entries of the
  vocabulary, of which its backward pass on a CPU holds 7 copies more in fp32 (trl/kernels/chunked_logprob.py);
- the cache of keys and values while answers are sampled; the base that an adapter is merged into at the end.

How near this comes to measured peaks, and on which machines it was not measured: docs/experiments.md.
"""

import math
from dataclasses import dataclass
from typing import Literal

Method = Literal["sft", "dpo", "kto", "reward_model", "rejection_sampling", "grpo", "ppo"]
Tuning = Literal["full", "lora", "qlora"]

TILE_TOKENS, TILE_VOCABULARY = 4096, 32_768
TILES = {"cpu": 7.25, "cuda": 0.0}
"""Copies of a tile in fp32 that the output layer's backward pass holds beside the product itself, also where that is in
bf16; on a GPU a Triton kernel works in place."""
SCORED_TOKENS, SCORED_BYTES = 16_384, 1 << 29
LOGITS_BYTES = 16
"""Of one logit that is scored: itself, its copy in fp32, a copy in order, its log-softmax."""
GAPS = {"full": 1.0, "lora": 1.5, "qlora": 1.5}
"""Activations with what lies unused between them: an adapter's many small products leave gaps. Measured on models of
12, 50 and 150 million parameters (docs/experiments.md)."""
RUNTIME_BYTES = {"cpu": 150_000_000, "cuda": 100_000_000}
"""What libraries take at their first step: pages of code and their own buffers."""
FOUR_BIT = 0.53
"""Bytes of a quantised weight: NF4 with its doubly quantised scales (Dettmers et al. 2023, arXiv 2305.14314)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a decoder. query, key_value: heads × width of a head. linear: parameters of the linear layers without the
    output's. lora_units: parameters of an adapter of rank 1.
    """

    parameters: int
    vocabulary: int
    hidden: int
    layers: int
    intermediate: int
    heads: int
    query: int
    key_value: int
    linear: int
    lora_units: int


@dataclass(frozen=True, slots=True)
class Way:
    """How a stage trains. rank: of LoRA. eager: whether attention keeps its weights (T × T a head).

    frozen: further models of this size that only answer, such as a reward model that scores.
    """

    method: Method
    tuning: Tuning
    rank: int
    device: Literal["cpu", "cuda"]
    bf16: bool
    checkpointing: bool
    eager: bool
    frozen: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """rows: of a micro-batch; a pair is one row. tokens: of the longest sequence. several: micro-batches a step.

    sampled: answers sampled together; 0 where none are. scored: tokens of all answers that the KL is measured on.
    group: rows that share a prompt of `prompt` tokens, which is read once for them; 1 where each row has its own.
    """

    rows: int
    tokens: int
    several: bool
    sampled: int = 0
    scored: int = 0
    group: int = 1
    prompt: int = 0

    @property
    def spared(self) -> int:
        """Rows that read no prompt: groups stand whole in a micro-batch, or it is a part of one."""
        return self.rows - math.ceil(self.rows / self.group) if self.prompt else 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. held: weights, states and other models, which are there all through training. activations, output: of a
    micro-batch, output with its weights' gradient. gradients: all of them. sampling: what answers take while they are
    sampled or scored, beside `asleep`. saving: beside what is held, while a model is saved and tried. several:
    micro-batches a step. learners: models that learn together, one backward pass after the other.

    On a CPU nothing of the activations goes back before the process ends: they are small blocks, which the C library
    keeps (docs/experiments.md). So they count beside whatever comes after them.
    """

    held: int
    activations: int
    output: int
    gradients: int
    asleep: int
    sampling: int
    saving: int
    several: bool
    learners: int
    keeps_blocks: bool

    @property
    def step(self) -> int:
        """The peak of an optimizer step, at the start of a backward pass or at its end."""
        before = self.gradients if self.several else 0
        behind = self.gradients if self.several else self.gradients * (self.learners - 1) // self.learners
        left = self.activations if self.keeps_blocks else self.activations // self.learners
        end = self.gradients + self._kept
        return self.held + max(self.activations + before, left + self.output + behind, end)

    @property
    def peak(self) -> int:
        """Of the whole stage."""
        return max(self.step, self.asleep + self._kept + self.sampling, self.held + self._kept + self.saving)

    @property
    def _kept(self) -> int:
        return self.activations if self.keeps_blocks else 0


def memory(shape: Shape, way: Way, step: Step) -> Memory:
    """All parts of a stage's memory."""
    trained = trained_parameters(shape, way)
    learners = 2 if way.method == "ppo" else 1
    held = _held(shape, way, trained, learners) + RUNTIME_BYTES[way.device]
    draws_first = way.method == "rejection_sampling"  # with a model of its own, which goes before training
    tokens = step.rows * _sequences(way) * step.tokens - step.spared * step.prompt
    once = tokens * activation_bytes(shape, way, step.tokens) + _copies(shape, way, step)
    activations = round(GAPS[way.tuning] * learners * once)
    return Memory(
        held=held,
        activations=activations,
        output=_output(shape, way, step),
        gradients=4 * trained * learners,
        asleep=4 * shape.parameters + RUNTIME_BYTES[way.device] if draws_first else held,
        sampling=max(step.sampled * _answer_bytes(shape, step.tokens), _scoring(shape, way, step)),
        saving=_saving(shape, way),
        several=step.several,
        learners=learners,
        keeps_blocks=way.device == "cpu",
    )


def tokens_scored_at_once(vocabulary: int) -> int:
    """Of a batch whose answers are scored by their log-probabilities, with all logits: 16,384 of 152,000 entries would
    take 37 GiB.
    """
    return min(SCORED_TOKENS, SCORED_BYTES // (LOGITS_BYTES * vocabulary))


def trained_parameters(shape: Shape, way: Way) -> int:
    """Of one model: all, or an adapter's."""
    return shape.parameters if way.tuning == "full" else way.rank * shape.lora_units


def _held(shape: Shape, way: Way, trained: int, learners: int) -> int:
    weights = 4 * shape.parameters
    own = weights if way.tuning != "qlora" else weights - round((4 - FOUR_BIT) * shape.linear)
    full = way.tuning == "full"
    values = (weights if full else 4 * trained) if way.method == "ppo" else 0
    adapter = 0 if full else 4 * trained
    reference = weights if full and way.method in ("dpo", "kto", "ppo") else 0
    short = 2 * shape.linear if way.bf16 else 0  # autocast keeps a copy of the weights for the whole pass
    return own + adapter + values + reference + way.frozen * weights + 8 * trained * learners + short


def _sequences(way: Way) -> int:
    """That carry a gradient, for each row."""
    return 2 if way.method in ("dpo", "reward_model") else 1


def activation_bytes(shape: Shape, way: Way, tokens: int) -> int:
    """Of one token in all layers, kept for the backward pass."""
    layer = _layer_bytes(shape, way, tokens)
    if way.checkpointing:
        return 4 * shape.hidden * (shape.layers + 3) + layer
    return layer * shape.layers + 12 * shape.hidden


def _layer_bytes(shape: Shape, way: Way, tokens: int) -> int:
    """What autograd saves. Twice: a norm's input and the same normed, the latter for its weight's gradient alone; what
    the linear layers read; queries and keys before and after their norm, turned, and repeated for every head with the
    values; what attention gives; the gate, its activation, the other half, and their product.
    """
    full = way.tuning == "full"
    normed = 1 if full else 0
    hidden, query, key_value = shape.hidden, shape.query, shape.key_value
    if way.bf16:
        attention = (10 if full else 8) * (query + key_value)
        found = (26 if full else 18) * hidden + attention + 8 * shape.intermediate
    else:
        floats = (4 + 2 * normed) * hidden + (5 + normed) * query + (1 + normed) * key_value + 4 * shape.intermediate
        found = 4 * floats
    scores = (6 if way.bf16 else 4) * shape.heads * tokens if way.eager else 0  # the softmax is in fp32
    ranks = 0 if full else 7 * (2 if way.bf16 else 4) * way.rank
    return found + scores + ranks


def _copies(shape: Shape, way: Way, step: Step) -> int:
    """Keys and values of a shared prompt, for each answer that goes on from it, and again for every head of queries."""
    if step.group == 1:
        return 0
    itemsize = 2 if way.bf16 else 4
    return 2 * itemsize * shape.layers * (shape.key_value + shape.query) * step.rows * step.prompt


def _output(shape: Shape, way: Way, step: Step) -> int:
    """Of the output layer's backward pass: tiles of logits, and its weights' gradient."""
    if way.method == "reward_model":
        return 0
    read = step.tokens - (step.prompt if step.group > 1 else 0)  # a shared prompt has no logits
    tokens = min(TILE_TOKENS, step.rows * _sequences(way) * read)
    itemsize = 2 if way.bf16 else 4
    tiles = (itemsize + 4 * TILES[way.device]) * tokens * min(TILE_VOCABULARY, shape.vocabulary)
    gradient = 4 * shape.vocabulary * shape.hidden if way.tuning == "full" else 0
    return round(tiles) + gradient


def _scoring(shape: Shape, way: Way, step: Step) -> int:
    """DPO and KTO measure the KL to the reference at the end: one batch of sampled answers, or one long answer."""
    if way.method not in ("dpo", "kto"):
        return 0
    at_once = min(step.scored, max(tokens_scored_at_once(shape.vocabulary), step.tokens))
    return LOGITS_BYTES * shape.vocabulary * at_once


def _saving(shape: Shape, way: Way) -> int:
    """On a CPU the base that an adapter is merged into (on a GPU the machine has it in its own memory); a reward model
    of which all weights were trained is read again to be tried.
    """
    if way.device == "cuda":
        return 0 if way.method != "reward_model" else 4 * shape.parameters
    if way.tuning != "full":
        return 4 * shape.parameters
    return 4 * shape.parameters if way.method == "reward_model" else 0


def _answer_bytes(shape: Shape, tokens: int) -> int:
    """One answer that is being sampled: its cache, one layer of it twice, and its probabilities (decoding.py)."""
    cache = cache_bytes(shape, 4) * (shape.layers + 1) // shape.layers
    return tokens * cache + 24 * shape.vocabulary


def cache_bytes(shape: Shape, itemsize: int) -> int:
    """Keys and values of a token in all layers."""
    return 2 * itemsize * shape.layers * shape.key_value
