"""What a state is worth: a network of its own beside the policy, with one number per token.

All weights trained: a copy of the policy's body, and a linear head. LoRA: an adapter of its own over the very weights
that the policy's adapter lies on (no second copy in memory), and a linear head. ReFT (2401.08967) shares the body and
reports 72.6 for a separate network where the shared one has 72.7; separate, it can never disturb the policy, and the
policy's weights stay a plain model.
"""

import copy
import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipelines import shared_prompts
from pipelines.lean_batch import Batch

FILE = "value_model.safetensors"


class ValueModel(nn.Module):  # type: ignore[misc]  # torch is untyped to mypy here
    """policy: the model before anything wraps or patches it. lora: the adapter's config, or None for all weights.

    seed: of the adapter's first weights, the same on all processes.
    """

    def __init__(self, policy: Any, lora: Any, seed: int) -> None:
        super().__init__()
        self.body = _copy(policy.base_model) if lora is None else _adapted(policy.base_model, lora, seed)
        device = next(self.body.parameters()).device
        self.head = nn.Linear(policy.config.get_text_config().hidden_size, 1, dtype=torch.float32, device=device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, batch: Batch, may_share: bool = False) -> Tensor:
        """(B, C): what the states before each of the answers' tokens are worth. may_share: whether prompts that several
        rows have may be read once."""
        if may_share and shared_prompts.saves(batch):
            cache, answers = shared_prompts.read_prompts(self.body, batch)
            output = self.body(input_ids=answers, attention_mask=batch.mask, past_key_values=cache, use_cache=True)
        else:
            output = self.body(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
        before = output.last_hidden_state[:, -batch.completion - 1 : -1]
        values: Tensor = self.head(before.float()).squeeze(-1)
        return values.float()

    def start_at(self, value: float) -> None:
        """Every state is worth this, until something is learned: a first guess as good as a batch's mean score."""
        nn.init.constant_(self.head.bias, value)

    def trained(self) -> dict[str, nn.Parameter]:
        """Name → parameter that training moves."""
        return {name: parameter for name, parameter in self.named_parameters() if parameter.requires_grad}

    def save(self, folder: Path) -> None:
        """Writes what is trained."""
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in self.trained().items()}, folder / FILE)

    def load(self, folder: Path) -> None:
        """Reads what `save` wrote. Raises FileNotFoundError or KeyError where it is not whole."""
        kept = load_file(folder / FILE)
        with torch.no_grad():
            for name, parameter in self.trained().items():
                parameter.copy_(kept[name])

    def fingerprint(self) -> str:
        """First 16 digits of the SHA-256 of all that is trained."""
        digest = hashlib.sha256()
        for tensor in self.trained().values():
            digest.update(tensor.detach().float().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]


def _copy(body: Any) -> Any:
    return copy.deepcopy(body).requires_grad_(True)


def _adapted(body: Any, lora: Any, seed: int) -> Any:
    """Modules of their own around the same parameters, with a fresh adapter in them."""
    from peft import inject_adapter_in_model

    shared = copy.deepcopy(body, {id(parameter): parameter for parameter in body.parameters()})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return inject_adapter_in_model(lora, shared)
