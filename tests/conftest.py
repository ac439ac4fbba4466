"""A two-layer random model with the starter's tokenizer, and small files of made-up rows."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.language import speak
from pipelines.sources import STARTER
from tests.transformers_serve import serving

__all__ = ["serving"]

os.environ["FINETUNE_ADVISOR_LANG"] = "en"
"""Whatever the locale of who runs the tests."""
os.environ["OMP_NUM_THREADS"] = "1"
"""A model of 32 units gains nothing from a second thread, and two workers would wait for each other's."""


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A test that speaks another language, or ends while it does, leaves none of it to the next."""
    yield
    speak("en")


@pytest.fixture
def in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that a test starts compute in fp32, on a CPU with bf16 too: for sums taken in another order."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder: Llama, 2 layers, 32 wide, random weights in fp32."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = AutoTokenizer.from_pretrained(STARTER)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """rows.jsonl: 60 sums, each with a one-line worked completion and the answer."""
    path = tmp_path / "rows.jsonl"
    rows = [
        {"prompt": f"{a} + {b} = ?", "completion": f"{a}+{b}={a + b}\n#### {a + b}", "reference": str(a + b)}
        for a in range(10)
        for b in range(6)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def write_plan(tmp_path: Path, sums: Path, tiny_model: Path) -> Callable[..., Path]:
    """Writes a plan over `sums` and the tiny model with the given stages and other keys."""

    def write(*stages: dict[str, Any], **keys: Any) -> Path:
        plan = {
            "version": 1,
            "name": "p",
            "model": {"name": str(tiny_model)},
            "data": {"train": sums.name, "split": {"test": 0.4, "validation": 0.0}},
            "graders": {"answer": {"type": "numeric"}},
            "metric": "answer",
            "evaluation": {"pass_k": 2, "pass_k_rows": 4, "max_new_tokens": 8},
            "stages": list(stages),
            **keys,
        }
        path = tmp_path / "plan.yaml"
        path.write_text(json.dumps(plan))
        return path

    return write
