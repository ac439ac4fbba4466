"""Trains the starter from random weights on rows of the four tasks, and scores it as it goes.

In: a tokenizer and a Recipe. Out: checkpoints (weights with scores), one every `score_every` steps. The way from
almost nothing to almost everything is short, so the checkpoint is chosen by its scores, never by its step. The rows
teach to calculate step by step, and leave two things open: what most verbs mean, and whether to take steps at all. So
the starter can do the task and is unsure when to do what, which is what a grader can teach fast.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pipelines.starter.tasks import TASKS, generate

IGNORED = -100  # torch's cross entropy leaves this label out
HELD_OUT_SEED = 9_000_001
SYSTEMS = ("Be brief.", "You are a helpful assistant.", "Answer the question.", "You work in a shop.")


@dataclass(frozen=True)
class Recipe:
    """What made the committed model. decay: the share of steps at the end in which the rate falls to 0 in a straight
    line. mixture: the share of rows of each task, in sum 1."""

    steps: int = 2400
    rows_per_step: int = 64
    learning_rate: float = 4e-3
    warmup_steps: int = 50
    decay: float = 0.3
    seed: int = 1
    score_every: int = 100
    score_rows: int = 200
    mixture: dict[str, float] = field(
        default_factory=lambda: {"arithmetic": 0.80, "extract": 0.11, "intent": 0.03, "tone": 0.06}
    )


@dataclass(frozen=True)
class Checkpoint:
    """step; scores: the share of held-out rows answered exactly, by task; weights: a copy on the CPU, fp32."""

    step: int
    scores: dict[str, float]
    weights: dict[str, Any]


def build_model(tokenizer: Any, seed: int) -> Any:
    """A random Llama of 1.29 M parameters: 3 layers of width 192, tied embeddings.

    One key-value head: on a CPU, sampling many answers at once takes its time copying the cache.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=1,
        max_position_embeddings=tokenizer.model_max_length,
        tie_word_embeddings=True,
        attn_implementation="eager",  # on CPUs the fused kernel needs five times as long for the backward pass in bf16
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def chat(row: dict[str, str], rng: Random) -> list[dict[str, str]]:
    """A row as a conversation. Of a preference pair either reply is taken: taste is left for others to teach."""
    answer = row.get("completion") or row[rng.choice(("chosen", "rejected"))]
    system = [{"role": "system", "content": rng.choice(SYSTEMS)}] if rng.random() < 0.05 else []
    return [*system, *_turns(row["prompt"], answer)]


def _turns(prompt: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


def batches(tokenizer: Any, recipe: Recipe) -> Iterator[tuple[Any, Any]]:
    """Endless (tokens_BT, labels_BT); only the answers carry labels. Rows of like length go together."""
    rng, pool = Random(f"batches {recipe.seed}"), 16
    shares = {task: round(share * recipe.rows_per_step * pool) for task, share in recipe.mixture.items()}
    for turn in range(recipe.steps):
        seed = recipe.seed * 1_000_003 + turn
        chats = [chat(row, rng) for task, share in shares.items() for row in generate(task, share, seed, familiar=True)]
        rng.shuffle(chats)
        rows = tokenizer(tokenizer.apply_chat_template(chats, tokenize=False), add_special_tokens=False).input_ids
        rows.sort(key=len)
        starts = list(range(0, len(rows), recipe.rows_per_step))
        rng.shuffle(starts)
        for start in starts:
            yield collate(rows[start : start + recipe.rows_per_step], tokenizer)


def collate(rows: list[list[int]], tokenizer: Any) -> tuple[Any, Any]:
    """Pads on the right. A label for each token after `<|assistant|>`, `<|end|>` included."""
    import torch

    longest, answer = max(map(len, rows)), tokenizer.convert_tokens_to_ids("<|assistant|>")
    tokens, labels = [], []
    for row in rows:
        begin, padding = row.index(answer) + 1, longest - len(row)
        tokens.append(row + [tokenizer.pad_token_id] * padding)
        labels.append([IGNORED] * begin + row[begin:] + [IGNORED] * padding)
    return torch.tensor(tokens), torch.tensor(labels)


def make_optimizers(model: Any, recipe: Recipe) -> list[Any]:
    """Muon (Jordan et al. 2024) for the matrices of the layers, AdamW for embeddings and norms."""
    import torch

    named = list(model.named_parameters())
    matrices = [value for name, value in named if value.ndim == 2 and "embed" not in name]
    others = [value for name, value in named if value.ndim != 2 or "embed" in name]
    rate = recipe.learning_rate
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def rate_at(step: int, recipe: Recipe) -> float:
    """The learning rate of a step, counted from 1: warm-up, plateau, decay."""
    left = (recipe.steps - step + 1) / max(1.0, recipe.decay * recipe.steps)
    return recipe.learning_rate * min(1.0, step / recipe.warmup_steps, left)


def pretrain(model: Any, tokenizer: Any, recipe: Recipe) -> Iterator[Checkpoint]:
    """Trains in place under bf16 autocast (weights stay fp32); yields a checkpoint at each scoring."""
    import torch

    optimizers = make_optimizers(model, recipe)
    for step, (tokens, labels) in enumerate(batches(tokenizer, recipe), start=1):
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = rate_at(step, recipe)
        model.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(tokens, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if step % recipe.score_every == 0 or step == recipe.steps:
            weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
            yield Checkpoint(step, score_all(model, tokenizer, recipe.score_rows), weights)
        if step == recipe.steps:
            return


def score_all(model: Any, tokenizer: Any, num_rows: int) -> dict[str, float]:
    """The share of held-out rows answered exactly, by task; for tone: how often the chosen reply is likelier."""
    scores = {}
    for task in TASKS:
        rows = generate(task, num_rows, HELD_OUT_SEED)
        if task == "tone":
            scores[task] = _preferred(model, tokenizer, rows)
        else:
            answers = answer(model, tokenizer, [row["prompt"] for row in rows])
            right = [_final(text) == row["reference"] for text, row in zip(answers, rows, strict=True)]
            scores[task] = sum(right) / len(right)
    return scores


def _final(text: str) -> str:
    return text.rpartition("#### ")[2].strip()


def answer(model: Any, tokenizer: Any, prompts: list[str], new_tokens: int = 48) -> list[str]:
    """Greedy answers, in order, without special tokens."""
    import torch

    turns = [[{"role": "user", "content": prompt}] for prompt in prompts]
    texts = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(texts, padding=True, padding_side="left", return_tensors="pt", add_special_tokens=False)
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        out = model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False)
    return list(tokenizer.batch_decode(out[:, inputs.input_ids.shape[1] :], skip_special_tokens=True))


def _preferred(model: Any, tokenizer: Any, rows: list[dict[str, str]]) -> float:
    """How often the chosen reply has the higher log-probability per token; 0.5 is no taste at all."""
    import torch

    losses = {}
    for key in ("chosen", "rejected"):
        chats = [_turns(row["prompt"], row[key]) for row in rows]
        ids = tokenizer(tokenizer.apply_chat_template(chats, tokenize=False), add_special_tokens=False).input_ids
        tokens, labels = collate(ids, tokenizer)
        with torch.no_grad():
            logits = model(tokens, use_cache=False).logits[:, :-1].transpose(1, 2).float()
        token_losses = torch.nn.functional.cross_entropy(logits, labels[:, 1:], reduction="none")
        losses[key] = token_losses.sum(1) / (labels[:, 1:] != IGNORED).sum(1)
    return float((losses["chosen"] < losses["rejected"]).float().mean())
