"""Writes the folder that ships: weights in the wanted dtype, tokenizer and template, adapter, Modelfile."""

import json
import shutil
from pathlib import Path
from typing import Any

from graders.errors import UserError
from pipelines.export.chosen import Chosen
from pipelines.files import write_text
from pipelines.models import load_policy
from pipelines.plan import ModelSpec

DTYPES = ("bf16", "fp32", "fp16")


def write_model(chosen: Chosen, dtype: str, folder: Path) -> None:
    """The plain model. Its generation config names every token that ends an answer, and samples as greedily as it was
    measured unless whoever serves it says otherwise."""
    import torch

    plan = chosen.loaded.plan
    policy = load_policy(str(chosen.model), plan.model, "answer")
    kind = {"bf16": torch.bfloat16, "fp32": torch.float32, "fp16": torch.float16}[dtype]
    policy.model.to("cpu").to(kind)
    _require_finite(policy.model, dtype)
    policy.model.generation_config.eos_token_id = list(policy.stop_ids)
    policy.model.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)


def _require_finite(model: Any, dtype: str) -> None:
    """fp16 has no numbers over 65,504."""
    if all(bool(parameter.isfinite().all()) for parameter in model.parameters()):
        return
    raise UserError(f"some weights are no numbers in {dtype}", "a dtype that holds them", "--dtype bf16")


def copy_adapter(chosen: Chosen, folder: Path) -> bool:
    """The LoRA adapter alone, naming the model that it belongs on; False where all weights were trained."""
    if chosen.adapter is None:
        return False
    shutil.copytree(chosen.adapter, folder / "adapter")
    path = folder / "adapter" / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if "policy" not in chosen.step.sources:
        spec = chosen.loaded.plan.model
        config |= {"base_model_name_or_path": spec.name, "revision": spec.revision}
    write_text(path, json.dumps(config, indent=2) + "\n")
    return True


def write_modelfile(folder: Path, spec: ModelSpec, weights: str = ".") -> None:
    """Ollama's description of the model: it imports a safetensors folder, or a GGUF file, and stops where it should."""
    policy = load_policy(str(folder), spec, "answer")
    stops = [policy.tokenizer.decode([token]) for token in policy.stop_ids]
    lines = [
        f"FROM {weights}",
        "PARAMETER temperature 0",
        *(f'PARAMETER stop "{stop}"' for stop in stops if '"' not in stop),
    ]
    write_text(folder / "Modelfile", "\n".join(lines) + "\n")
