"""Passes without padding, behind one pass of a prompt, have the numbers and gradients that TRL computes row by row."""

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
from pipelines.lean_batch import Batch, in_groups, read_in_parts
from pipelines.lean_passes import LeanTrainer, length_decides, may_move
from pipelines.value_model import ValueModel

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


def trainer(checkpointing: bool = False) -> Any:
    """What the passes use of one. Accelerate keeps one precision for a process, and earlier tests may have had bf16."""
    AcceleratorState._reset_state()
    made = LeanTrainer.__new__(LeanTrainer)
    made.accelerator = Accelerator(cpu=True, mixed_precision="no")
    made.args = SimpleNamespace(activation_checkpointing=checkpointing, pad_to_multiple_of=None)
    return made


class Counted:
    """The tokens that a model reads."""

    def __init__(self, model: Any) -> None:
        self.tokens = 0
        model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, model: Any, given: Any, named: Any) -> None:
        self.tokens += named["input_ids"].numel()


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("rows_at_once", [12, 5])
@pytest.mark.parametrize("kind", ["eager", "sdpa", "gpt2", "lora"])
def test_log_probs_are_trls(kind: str, rows_at_once: int, share: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not share:
        monkeypatch.setattr(shared_prompts, "saves", lambda *_: False)
    model = made(kind).eval()  # no dropout
    plain = model.get_base_model() if kind == "lora" else model
    add_fused_lm_head(plain, outputs=("log_probs", "entropy"))
    rows, lean = batch(num_prompts=3, group=4), trainer()
    mask = rows["completion_mask"].bool()
    ids, attended = asked(rows)
    counted = Counted(plain.base_model)
    whole = GRPOTrainer._get_per_token_logps_and_entropies(lean, model, ids, attended, COMPLETION, compute_entropy=True)
    wanted, read_by_trl, counted.tokens = gradients(model, rows, whole[0]), counted.tokens, 0
    found = lean._get_per_token_logps_and_entropies(
        model, ids, attended, COMPLETION, batch_size=rows_at_once, compute_entropy=True
    )
    assert found[2] is None
    for one, expected in zip(found[:2], whole[:2], strict=True):
        assert torch.allclose(one[mask], expected[mask], atol=1e-5)
    assert (counted.tokens < 0.75 * read_by_trl) is share
    if rows_at_once == 5 and kind != "gpt2":
        assert counted.tokens < read_by_trl, "short prompts are read together, without padding"
    given = gradients(model, rows, found[0])
    assert given.keys() == wanted.keys()
    assert all(torch.allclose(given[name], wanted[name], atol=1e-5) for name in wanted)
    assert any(gradient.abs().max() > 1e-3 for gradient in given.values())


@pytest.mark.parametrize("may_share", [True, False])
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_values_are_those_of_whole_rows(tuning: str, may_share: bool) -> None:
    lora = None if tuning == "full" else LoraConfig(target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    values = ValueModel(qwen(), lora, seed=0).eval()
    torch.nn.init.normal_(values.head.weight)
    rows = batch(num_prompts=3, group=4)
    mask = rows["completion_mask"].bool()
    whole = Batch.of(*asked(rows), COMPLETION)
    wanted = values(whole)
    counted = Counted(values.body)
    (found,) = read_in_parts(whole, 5, True, lambda part: [values(part, may_share)])
    assert counted.tokens < whole.ids.numel() * (0.75 if may_share else 1)
    assert torch.allclose(found[mask], wanted[mask], atol=1e-5)
    lean, plain = gradients(values, rows, found), gradients(values, rows, wanted)
    assert lean.keys() == plain.keys() == values.trained().keys()
    assert all(torch.allclose(lean[name], plain[name], atol=1e-5) for name in lean)


def test_a_sliding_window_and_layers_that_compute_twice_are_left_to_trl(tiny_model: Path) -> None:
    window = MistralForCausalLM(MistralConfig(**SIZES, num_key_value_heads=1, sliding_window=4))
    assert not trainer()._shares(window)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    assert trainer()._shares(model)
    assert not trainer(checkpointing=True)._shares(model)


def test_padding_before_a_prompt_stays_where_it_counts_as_a_position() -> None:
    assert may_move(qwen())
    assert not may_move(made("gpt2"))
    for kind in ("dynamic", "longrope"):
        scaled = SimpleNamespace(config=SimpleNamespace(get_text_config=lambda kind=kind: rotary(kind)))
        assert not may_move(scaled), kind
        assert length_decides(scaled), kind
    assert not length_decides(made("gpt2"))


def rotary(kind: str) -> Any:
    return SimpleNamespace(rope_parameters={"full_attention": {"rope_type": kind, "factor": 2.0}})


def test_prompts_that_differ_in_their_padding_alone_are_different() -> None:
    ids, mask = torch.tensor([[0, 0, 5], [0, 0, 5], [0, 0, 5]]), torch.tensor([[0, 1, 1], [0, 0, 1], [0, 1, 1]])
    owners = Batch.of(torch.cat([ids, ids], 1), torch.cat([mask, mask], 1), 3).owners.tolist()
    assert owners[0] == owners[2] != owners[1]


@pytest.mark.parametrize(
    ("owners", "prompt", "does"),
    [([0, 0, 1, 1], 40, True), ([0, 1, 2, 3], 40, False), ([0, 0, 1, 1], 1, False), ([0, 0, 1, 2], 4, False)],
)
def test_a_second_pass_is_made_where_it_saves_a_twentieth(owners: list[int], prompt: int, does: bool) -> None:
    ids = torch.ones(4, prompt + 20, dtype=torch.long)
    assert shared_prompts.saves(Batch(ids, ids, 20, torch.tensor(owners))) is does


def test_a_part_is_as_long_as_its_own_rows_need_and_the_order_is_kept() -> None:
    """Prompts of 3, 1 and 2 tokens in 4 columns, answers of 1, 2 and 0 tokens in 3."""
    mask = torch.tensor([[0, 1, 1, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 0, 0, 0]])
    whole = Batch.of(torch.arange(21).reshape(3, 7) * mask, mask, 3)
    shapes: list[tuple[int, int, int]] = []

    def read(part: Batch) -> list[torch.Tensor]:
        shapes.append((*part.ids.shape, part.completion))
        return [part.ids[:, -part.completion :]]

    for on_the_left, wanted in ((True, [(2, 4, 2), (1, 4, 1)]), (False, [(2, 6, 2), (1, 5, 1)])):
        (found,) = read_in_parts(whole, 2, on_the_left, read)
        assert found.tolist() == [[4, 0, 0], [11, 12, 0], [0, 0, 0]]
        assert shapes == wanted, "the shorter prompts are read together"
        shapes.clear()


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
    ordered = in_groups(parts)
    assert [len(part["advantages"]) for part in ordered] == [4, 4, 4, 4]
    for part in ordered:
        assert len(part["prompt_ids"].unique(dim=0)) == 1, "a group is whole in its micro-batch"
        assert part["num"] == 7
        assert part["names"] == [str(int(number)) for number in part["advantages"]]
        for number, ids in zip(part["advantages"].long(), part["completion_ids"], strict=True):
            assert ids.equal(rows["completion_ids"][number])
    assert sorted(torch.cat([part["advantages"] for part in ordered]).tolist()) == list(range(16))
