"""Writes pipelines/trl_keys.json from the pinned TRL: which keys `trainer:` takes, with their types.

Run it after TRL's pin moved: python -m pipelines.trl_keys. A test compares the file with the installed TRL.
"""

import json
import types
import typing
from dataclasses import fields
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("trl_keys.json")

OWNED = {
    "output_dir": "`--out` of `run`",
    "seed": "`seed` of the plan",
    "data_seed": "`seed` of the plan",
    "learning_rate": "`learning_rate` of the stage",
    "num_train_epochs": "`epochs` of the stage",
    "max_steps": "`steps` of the stage",
    "per_device_train_batch_size": "`batch_size` of the stage",
    "gradient_accumulation_steps": "`batch_size` of the stage",
    "max_length": "`max_length` of the stage",
    "num_generations": "`group_size` of the stage",
    "generation_batch_size": "`prompts_per_step` of the stage",
    "steps_per_generation": "`prompts_per_step` of the stage",
    "max_completion_length": "`max_new_tokens` of the stage",
    "beta": "`kl` of the stage",
    "temperature": "`temperature` of the stage",
    "chat_template_kwargs": "`model.template_args` of the plan",
    "model_init_kwargs": "`model` of the plan",
    "push_to_hub": "nothing: runs stay local",
    "report_to": "`report_to` of the plan",
    "do_train": "nothing",
    "do_eval": "nothing",
    "do_predict": "nothing",
    "disable_tqdm": "nothing: progress is ours",
    "remove_unused_columns": "nothing",
    "load_best_model_at_end": "nothing: checkpoints are chosen by the metric",
    "metric_for_best_model": "`metric` of the plan",
    "greater_is_better": "`metric` of the plan",
    "resume_from_checkpoint": "nothing: a killed run resumes by itself",
    "top_p": "nothing: sampling in training is unbiased",
    "top_k": "nothing: sampling in training is unbiased",
    "min_p": "nothing: sampling in training is unbiased",
    "repetition_penalty": "nothing: sampling in training is unbiased",
    "generation_kwargs": "nothing: sampling in training is unbiased",
    "use_vllm": "`sampling` of the stage",
    "vllm_mode": "`sampling` of the stage",
    "vllm_max_model_length": "`sampling` of the stage",
    "use_cpu": "nothing: the device is found",
    "bf16": "nothing: the precision is found",
    "fp16": "nothing: the precision is found",
}
_REFERENCE = dict.fromkeys(
    ("sync_ref_model", "ref_model_mixup_alpha", "ref_model_sync_steps"),
    "nothing: the reference is the stage's input policy",
)
OWNED_IN = {
    "ppo": {
        "num_iterations": "`epochs_per_step` of the stage",
        "disable_dropout": "nothing: the policy must start as its reference",
        "scale_rewards": "nothing: advantages are whitened over the batch",
        "multi_objective_aggregation": "nothing: the grader combines its parts",
        "reward_weights": "nothing: the grader combines its parts",
        "off_policy_mask_threshold": "nothing: it needs one advantage per answer",
        "loss_type": "nothing: advantages are per token",
        "importance_sampling_level": "nothing: advantages are per token",
        **_REFERENCE,
    },
    "reward_model": {"train_sampling_strategy": "nothing: rows of like length already stand together"},
    "dpo": {
        "beta": "`beta` of the stage",
        "label_smoothing": "`label_smoothing` of the stage",
        "loss_weights": "nothing: `sft_weight` of the stage adds imitation",
        "disable_dropout": "nothing: the policy must start as its reference",
        "truncation_mode": "nothing: rows are left out, never cut",
        "pad_token": "nothing: the tokenizer has one",
        **_REFERENCE,
    },
    "kto": {
        "beta": "`beta` of the stage",
        "desirable_weight": "nothing: the rarer kind of answer counts more",
        "undesirable_weight": "nothing: the rarer kind of answer counts more",
        "disable_dropout": "nothing: the policy must start as its reference",
        "train_sampling_strategy": "nothing: the KL needs neighbours that stay",
        **_REFERENCE,
    },
}
"""Keys that other stages of the same TRL config may set."""
OWNED_PREFIXES = ("save_", "eval_", "hub_", "push_to_hub", "dataset_", "ddp_", "fsdp", "deepspeed", "logging_")


def owner(key: str, stage: str) -> str | None:
    """The field of ours that stands for a TRL key in a stage of this type, or None where the key is free."""
    owned = OWNED | OWNED_IN.get(stage, {})
    if key in owned:
        return owned[key]
    return "nothing: the runner owns it" if key.startswith(OWNED_PREFIXES) else None


def type_names(annotation: Any) -> list[str]:
    """JSON type names that an annotation accepts: bool, int, float, str, list, dict, null; [] when not tellable."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return sorted({name for part in typing.get_args(annotation) for name in type_names(part)})
    plain = typing.get_origin(annotation) or annotation
    known = {bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "dict", type(None): "null"}
    if plain is typing.Literal:
        return ["str"]
    return [known[plain]] if plain in known else []


def table() -> dict[str, dict[str, list[str]]]:
    """Stage type → free TRL key → accepted types, read from the installed TRL."""
    from trl import DPOConfig, GRPOConfig, KTOConfig, RewardConfig, SFTConfig

    configs = {"sft": SFTConfig, "rejection_sampling": SFTConfig, "grpo": GRPOConfig, "ppo": GRPOConfig}
    configs |= {"reward_model": RewardConfig, "dpo": DPOConfig, "kto": KTOConfig}
    return {stage: _free_keys(config, stage) for stage, config in configs.items()}


def _free_keys(config: Any, stage: str) -> dict[str, list[str]]:
    hints = typing.get_type_hints(config)
    names = sorted(field.name for field in fields(config) if field.init)
    return {name: type_names(hints[name]) for name in names if owner(name, stage) is None}


def main() -> None:
    """Writes the table."""
    TABLE.write_text(json.dumps(table(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
