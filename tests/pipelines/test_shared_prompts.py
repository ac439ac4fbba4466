"""Answers behind one pass of their prompt have the log-probabilities and the gradients that TRL computes row by row."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from trl import GRPOTrainer
from trl.trainer.utils import add_fused_lm_head

from pipelines import shared_prompts

SIZES = {"vocab_size": 40, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
PROMPT, COMPLETION = 5, 4


def qwen(**more: Any) -> Any:
    return Qwen3ForCausalLM(Qwen3Config(**SIZES, num_key_value_heads=1, head_dim=8, tie_word_embeddings=True, **more))


def made(kind: str) -> Any:
    torch.manual_seed(0)
    if kind == "gpt2":
        return GPT2LMHeadModel(GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=32))
    if kind == "lora":
        return get_peft_model(qwen(), LoraConfig(target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    return qwen(attn_implementation=kind)


def batch(num_prompts: int, group: int) -> dict[str, torch.Tensor]:
    """Prompts of 2 tokens and more, padded on the left, answers of 1 token and more, rows shuffled."""
    torch.manual_seed(1)
    lengths = torch.arange(num_prompts) % (PROMPT - 1) + 2
    prompt_mask = (torch.arange(PROMPT) >= PROMPT - lengths[:, None]).long().repeat_interleave(group, dim=0)
    prompt_ids = torch.randint(3, 40, (num_prompts, PROMPT)).repeat_interleave(group, dim=0) * prompt_mask
    rows = num_prompts * group
    written = torch.randint(1, COMPLETION + 1, (rows, 1))
    completion_mask = (torch.arange(COMPLETION) < written).long()
    order = torch.randperm(rows)
    return {
        "prompt_ids": prompt_ids[order],
        "prompt_mask": prompt_mask[order],
        "completion_ids": (torch.randint(3, 40, (rows, COMPLETION)) * completion_mask)[order],
        "completion_mask": completion_mask[order],
    }


def asked(rows: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.cat([rows["prompt_ids"], rows["completion_ids"]], dim=1)
    return ids, torch.cat([rows["prompt_mask"], rows["completion_mask"]], dim=1)


def gradients(model: Any, rows: dict[str, torch.Tensor], log_probs: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    weights = torch.linspace(-1, 1, log_probs.numel()).reshape(log_probs.shape)
    (log_probs * weights * rows["completion_mask"]).sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def in_fp32() -> Any:
    """What is used of a trainer. Accelerate keeps one precision for a process, and earlier tests may have had bf16."""
    AcceleratorState._reset_state()
    return SimpleNamespace(accelerator=Accelerator(cpu=True, mixed_precision="no"))


@pytest.mark.parametrize("rows_at_once", [12, 5])
@pytest.mark.parametrize("kind", ["eager", "sdpa", "gpt2", "lora"])
def test_they_are_those_of_whole_rows(kind: str, rows_at_once: int) -> None:
    model = made(kind).eval()  # no dropout
    add_fused_lm_head(model.get_base_model() if kind == "lora" else model, outputs=("log_probs", "entropy"))
    trainer = in_fp32()
    rows = batch(num_prompts=3, group=4)
    mask = rows["completion_mask"].bool()
    ids, attended = asked(rows)
    whole = GRPOTrainer._get_per_token_logps_and_entropies(
        trainer, model, ids, attended, COMPLETION, compute_entropy=True
    )
    wanted = gradients(model, rows, whole[0])
    owners = shared_prompts.by_prompt(rows["prompt_ids"], rows["prompt_mask"])
    assert shared_prompts.fits(trainer, model)
    assert shared_prompts.saves(owners, PROMPT, COMPLETION)
    shared = shared_prompts.log_probs(
        trainer, model, shared_prompts.Batch(ids, attended, COMPLETION, owners), rows_at_once, with_entropy=True
    )
    for found, expected in zip(shared, whole[:2], strict=True):
        assert torch.allclose(found[mask], expected[mask], atol=1e-5)
    given = gradients(model, rows, shared[0])
    assert given.keys() == wanted.keys()
    assert all(torch.allclose(given[name], wanted[name], atol=1e-5) for name in wanted)
    assert any(gradient.abs().max() > 1e-3 for gradient in given.values())


def test_a_sliding_window_and_layers_that_compute_twice_are_left_to_trl(tiny_model: Path) -> None:
    trainer = in_fp32()
    window = MistralForCausalLM(MistralConfig(**SIZES, num_key_value_heads=1, sliding_window=4))
    assert not shared_prompts.fits(trainer, window)
    model = AutoModelForCausalLM.from_pretrained(tiny_model).train()
    assert shared_prompts.fits(trainer, model)
    model.activation_checkpointing_enable()
    assert not shared_prompts.fits(trainer, model)


def test_prompts_that_differ_in_their_padding_alone_are_different() -> None:
    ids, mask = torch.tensor([[0, 0, 5], [0, 0, 5], [0, 0, 5]]), torch.tensor([[0, 1, 1], [0, 0, 1], [0, 1, 1]])
    owners = shared_prompts.by_prompt(ids, mask).tolist()
    assert owners[0] == owners[2] != owners[1]


@pytest.mark.parametrize(
    ("owners", "prompt", "does"),
    [([0, 0, 1, 1], 40, True), ([0, 1, 2, 3], 40, False), ([0, 0, 1, 1], 1, False), ([0, 0, 1, 2], 4, False)],
)
def test_a_second_pass_is_made_where_it_saves_a_twentieth(owners: list[int], prompt: int, does: bool) -> None:
    assert shared_prompts.saves(torch.tensor(owners), prompt, 20) is does


def test_groups_are_put_together_again_within_an_update() -> None:
    rows = batch(num_prompts=4, group=4)
    given = {**rows, "advantages": torch.arange(16.0), "names": [str(n) for n in range(16)], "num": torch.tensor(7)}
    parts = [
        {
            name: value if isinstance(value, torch.Tensor) and value.dim() == 0 else value[first : first + 4]
            for name, value in given.items()
        }
        for first in range(0, 16, 4)
    ]
    ordered = shared_prompts.in_groups(parts)
    assert [len(part["advantages"]) for part in ordered] == [4, 4, 4, 4]
    for part in ordered:
        assert len(part["prompt_ids"].unique(dim=0)) == 1, "a group is whole in its micro-batch"
        assert part["num"] == 7
        assert part["names"] == [str(int(number)) for number in part["advantages"]]
        for number, ids in zip(part["advantages"].long(), part["completion_ids"], strict=True):
            assert ids.equal(rows["completion_ids"][number])
    assert sorted(torch.cat([part["advantages"] for part in ordered]).tolist()) == list(range(16))
