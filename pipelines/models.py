"""Loading a policy, and leaving one: a plain folder that AutoModelForCausalLM loads.

Weights that are trained are fp32 under bf16 autocast; a frozen base under LoRA is bf16 on a GPU. What is left between
stages is fp32: a merge in bf16 loses 32 % of a change of 1e-4 a weight and 90 % of one of 1e-5.
"""

import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from graders.errors import UserError
from pipelines import memory
from pipelines.data.render import stop_token_ids
from pipelines.files import new_file_mode
from pipelines.plan import ModelSpec
from pipelines.sharding import Weights

LORA_OVER_PARAMETERS = 500_000_000
LORA_RANK = 32


@dataclass(frozen=True, slots=True)
class Policy:
    """A model with its tokenizer. where: the folder or hub id it came from. stop_ids: tokens that end an answer."""

    model: Any
    tokenizer: Any
    where: str
    stop_ids: tuple[int, ...]

    @property
    def num_parameters(self) -> int:
        return int(sum(parameter.numel() for parameter in self.model.parameters()))


def load_policy(where: str, spec: ModelSpec, use: Literal["train", "answer", "draw"], quantize: bool = False) -> Policy:
    """Loads a model folder or hub id onto the GPU if there is one.

    use: "train" keeps weights fp32 (frozen ones under LoRA follow the checkpoint on a GPU); "answer" is for inference,
    in bf16 on a GPU and fp32 on a CPU; "draw" too, in bf16 wherever that is faster, as RL itself samples.
    """
    import torch
    from transformers import AutoModelForCausalLM

    on_gpu = torch.cuda.is_available()
    short = (on_gpu and use == "answer") or (use == "draw" and computes_in_bf16())
    dtype = torch.bfloat16 if short else torch.float32
    options: dict[str, Any] = {"dtype": dtype, "trust_remote_code": spec.trust_remote_code}
    if not on_gpu and use == "train":
        options["attn_implementation"] = "eager"  # what is trained on rows of few tokens: attend_fast
    options["revision"] = None if Path(where).is_dir() else spec.revision
    if quantize:
        options["quantization_config"] = _four_bit()
    with _loading("model", "a model folder or hub id that AutoModelForCausalLM loads", where):
        model, found = AutoModelForCausalLM.from_pretrained(where, output_loading_info=True, **options)
    _require_whole(found["missing_keys"], where)
    if on_gpu and not quantize:
        model.to("cuda")
    tokenizer = load_tokenizer(where, spec)
    stops = _stop_ids(model, tokenizer, spec)
    # TRL and servers of the model stop at what the generation config names.
    model.generation_config.eos_token_id = list(stops)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return Policy(model, tokenizer, where, stops)


def policy_shape(where: str, spec: ModelSpec) -> Policy:
    """A policy without its weights: what can be told of it from its config and its tokenizer, whatever its size."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    revision = None if Path(where).is_dir() else spec.revision
    with _loading("model's config", "a model folder or hub id that AutoModelForCausalLM loads", where):
        config = AutoConfig.from_pretrained(where, revision=revision, trust_remote_code=spec.trust_remote_code)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=spec.trust_remote_code)
    tokenizer = load_tokenizer(where, spec)
    return Policy(model, tokenizer, where, _stop_ids(model, tokenizer, spec))


def _stop_ids(model: Any, tokenizer: Any, spec: ModelSpec) -> tuple[int, ...]:
    """What the generation config declares, the tokenizer's end token, and the one that ends a turn of the template."""
    declared = model.generation_config.eos_token_id
    ids = declared if isinstance(declared, list) else [declared]
    return tuple(sorted({i for i in [*ids, *stop_token_ids(tokenizer, spec.template_args)] if i is not None}))


def computes_in_bf16() -> bool:
    """Whether bf16 products are faster than fp32 here: on a GPU, and on CPUs with instructions for them."""
    import torch

    return bool(torch.cuda.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported())


EAGER_TOKENS = 160
"""Longest rows for which plain attention trains faster on a CPU: 8,192 tokens in rows of 128 take 0.30 s and with the
fused kernel, whose backward pass is slow in bf16, 0.47 s; in rows of 192 0.50 and 0.44 s, of 1,024 2.7 and 0.90 s
(docs/experiments.md)."""


def attend_fast(model: Any, longest: int) -> None:
    """Gives a model on a CPU the attention that trains faster on rows of up to so many tokens."""
    if model.device.type == "cpu" and model._supports_sdpa:
        model.set_attn_implementation("eager" if longest <= EAGER_TOKENS else "sdpa")


def cache_bytes_per_token(model: Any) -> int:
    """What a token's keys and values take in all layers."""
    return memory.cache_bytes(shape_of(model), model.dtype.itemsize)


def shape_of(model: Any) -> memory.Shape:
    """What memory is reckoned from; what a config does not name is taken to be as in a Llama."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    per_head = getattr(config, "head_dim", None) or config.hidden_size // heads
    linear = _inner_linear(model)
    return memory.Shape(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        intermediate=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        heads=heads,
        query=heads * per_head,
        key_value=(getattr(config, "num_key_value_heads", None) or heads) * per_head,
        linear=sum(layer.in_features * layer.out_features for layer in linear),
        lora_units=sum(layer.in_features + layer.out_features for layer in linear),
    )


def _inner_linear(model: Any) -> list[Any]:
    """The linear layers that an adapter lies on: all but the output's."""
    from torch import nn

    head = model.get_output_embeddings()
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear) and layer is not head]


def _require_whole(missing: Collection[str], where: str) -> None:
    """transformers fills weights that the files lack with random numbers, and only warns."""
    if missing:
        raise UserError(
            f"the model's files lack {len(missing)} of its weights, such as {min(missing)}",
            "all weights of a causal language model",
            "check that this is one (no encoder, no adapter, no half of a download)",
            where,
        )


@contextmanager
def _loading(what: str, expected: str, where: str) -> Iterator[None]:
    """Raises UserError where the files of `where` are missing, cut off or do not belong together."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        made = stage_of(Path(where))
        fix = "check the folder's files, or copy or download it again"
        if made is not None:
            fix = f"it is what stage `{made}` left: run it again with --force {made}"
        raise UserError(f"the {what} cannot be loaded: {first}", expected, fix, where) from error


def stage_of(model: Path) -> str | None:
    """The stage that left this model, where it lies in a run's folder: stages/NAME-12345678/model."""
    found = re.fullmatch(r"(.+)-[0-9a-f]{8}", model.parent.name)
    return found[1] if found and model.parent.parent.name == "stages" else None


def load_tokenizer(where: str, spec: ModelSpec) -> Any:
    """The tokenizer, padded on the left (answers follow prompts), with a pad token."""
    from transformers import AutoTokenizer

    revision = None if Path(where).is_dir() else spec.revision
    with _loading("tokenizer", "a tokenizer.json beside the model, or what else AutoTokenizer loads", where):
        tokenizer = AutoTokenizer.from_pretrained(where, revision=revision, trust_remote_code=spec.trust_remote_code)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _four_bit() -> Any:
    """QLoRA's quantisation (Dettmers et al. 2023, arXiv 2305.14314): NF4, double quantisation, bf16 products."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def resolve_tuning(spec: ModelSpec, num_parameters: int) -> Literal["full", "lora", "qlora"]:
    """What `tuning: auto` stands for."""
    if spec.tuning != "auto":
        return spec.tuning
    return "full" if num_parameters < LORA_OVER_PARAMETERS else "lora"


def lora_config(spec: ModelSpec) -> Any:
    """LoRA on every linear layer, alpha twice the rank (Schulman et al. 2025, "LoRA Without Regret": all layers)."""
    from peft import LoraConfig

    rank = spec.lora_rank or LORA_RANK
    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")


def save_policy(model: Any, source: Policy, spec: ModelSpec, folder: Path, weights: Weights | None = None) -> None:
    """Leaves `model` as a plain fp32 model in `folder`, atomically; an adapter is kept beside it and merged.

    source: the policy that training started from; its folder is read again for a merge, unquantised. weights: the
    model's state, where it is sharded.
    """
    temporary = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    if hasattr(model, "peft_config"):
        adapter = folder.with_name("adapter")
        model.save_pretrained(adapter, state_dict=weights)
        model, weights = merge(source.where, adapter, spec), None
    model.generation_config.eos_token_id = list(source.stop_ids)
    model.generation_config.pad_token_id = source.tokenizer.pad_token_id
    model.save_pretrained(temporary, state_dict=weights)
    source.tokenizer.save_pretrained(temporary)
    for path in temporary.iterdir():  # safetensors leaves weights that nobody but their owner may read
        path.chmod(new_file_mode())
    temporary.rename(folder)


def merge(base: str, adapter: Path, spec: ModelSpec) -> Any:
    """The base in fp32 with the adapter added into its weights, on the CPU."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    revision = None if Path(base).is_dir() else spec.revision
    model = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, revision=revision, trust_remote_code=spec.trust_remote_code
    )
    return PeftModel.from_pretrained(model, adapter).merge_and_unload()
