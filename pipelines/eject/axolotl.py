"""A stage as a config of Axolotl: `axolotl train sft.yaml`.

Rows are rendered text: SFT's as segments with and without loss (`type: input_output`), those of preferences as prompt
and answers, which Axolotl hands to TRL. Source: Axolotl 0.19.0, utils/schemas/ and prompt_strategies/.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.dpo import loss_arguments
from pipelines.eject import not_carried
from pipelines.eject.examples import Example, Ids
from pipelines.eject.peer import Peer
from pipelines.eject.ready import Made, Ready, Rows, left, merged
from pipelines.eject.trl_rows import read
from pipelines.plan import DPO, Plan, Stage
from pipelines.training import model_facts, optimiser_arguments

_NAMES = {
    "per_device_train_batch_size": "micro_batch_size",
    "lr_scheduler_type": "lr_scheduler",
    "activation_checkpointing": "gradient_checkpointing",
}
_PASSED = {
    "adam_beta1": "adam_beta1",
    "adam_beta2": "adam_beta2",
    "adam_epsilon": "adam_epsilon",
    "logging_steps": "logging_steps",
    "max_grad_norm": "max_grad_norm",
    "optim": "optimizer",
    "weight_decay": "weight_decay",
}
"""Keys of `trainer:` that mean the same there."""


def lacks(_plan: Plan, stage: Stage) -> str | None:
    """Why it is not ejected to Axolotl."""
    if stage.type == "ppo":
        return "Axolotl has no PPO"
    if stage.type == "grpo":
        return "Axolotl's GRPO is TRL's trainer: eject it with --to trl"
    if stage.type == "reward_model":
        return "Axolotl's reward models read one turn alone: eject it with --to trl"
    if isinstance(stage, DPO) and "loss_type" in stage.trainer:
        return f"a loss of DPO under `trainer:`, {stage.trainer['loss_type']}: eject it with --to trl"
    return None


def made(ready: Ready) -> Made:
    """Its config, rows and commands."""
    arguments = optimiser_arguments(ready.stage, ready.plan.seed, ready.size, model_facts(ready.policy))
    warmup = math.ceil(arguments.pop("warmup_steps") * ready.size.steps)
    parts = {"train": ready.train.examples, "validation": ready.held.examples}
    rows: dict[str, Rows] = {
        name: [_row(ready, one) for one in examples] for name, examples in parts.items() if examples
    }
    config = {
        **_model(ready),
        **_OF_STAGE[ready.stage.type](ready),
        "datasets": [_described(ready, "train")],
        **({"test_datasets": [_described(ready, "validation")], "evals_per_epoch": 1} if "validation" in rows else {}),
        "val_set_size": 0.0,
        "dataset_prepared_path": f"prepared/{ready.name}",
        "sequence_len": ready.train.longest,
        "sample_packing": False,
        "pad_to_sequence_len": False,
        "train_on_inputs": False,
        "output_dir": left(ready.name),
        **{_NAMES.get(key, key): value for key, value in arguments.items()},
        "warmup_steps": warmup,
        "num_epochs": ready.size.epochs,
        "optimizer": "adamw_torch_fused",
        "weight_decay": 0.0,
        "bf16": True,
        "attn_implementation": "sdpa",
        "logging_steps": 1,
        "save_strategy": "no",
        **{_PASSED[key]: value for key, value in ready.stage.trainer.items() if key in _PASSED},
    }
    return Made(
        config, {f"{ready.data}/{name}.jsonl": lines for name, lines in rows.items()}, _commands(ready), _left(ready)
    )


def _commands(ready: Ready) -> tuple[str, ...]:
    train = f"axolotl train {ready.name}.yaml --launcher accelerate -- --num_processes={ready.plan.processes}"
    if ready.tuning == "full":
        return (train,)
    moved = f"mv {left(ready.name)}/merged {merged(ready.name)}"
    return (train, f"axolotl merge-lora {ready.name}.yaml", moved)


def _model(ready: Ready) -> dict[str, Any]:
    spec = ready.plan.model
    revision = {"revision_of_model": spec.revision} if ready.on_hub and spec.revision else {}
    trusted = {"trust_remote_code": True} if spec.trust_remote_code else {}
    return {"base_model": ready.start.folder, **revision, **trusted, **_adapter(ready)}


def _adapter(ready: Ready) -> dict[str, Any]:
    """As models.lora_config has it."""
    if ready.tuning == "full":
        return {}
    lora = {"adapter": ready.tuning, "lora_r": ready.rank, "lora_alpha": 2 * ready.rank, "lora_dropout": 0.0}
    return {**lora, "lora_target_linear": True, **({"load_in_4bit": True} if ready.tuning == "qlora" else {})}


def _sft(_ready: Ready) -> dict[str, Any]:
    return {}


def _dpo(ready: Ready) -> dict[str, Any]:
    loss = loss_arguments(ready.stage)
    types, weight = loss["loss_type"], ready.stage.sft_weight
    named = (
        {"dpo_loss_type": [*types, "sft"], "dpo_loss_weights": [1.0, weight]} if weight else {"dpo_loss_type": types}
    )
    smoothing = {"dpo_label_smoothing": loss["label_smoothing"]} if loss["label_smoothing"] else {}
    return {"rl": "dpo", "rl_beta": loss["beta"], **named, **smoothing}


def _kto(ready: Ready) -> dict[str, Any]:
    good, bad = ready.thumb_weights
    named = {"kto_desirable_weight": good, "kto_undesirable_weight": bad}
    return {"rl": "kto", "rl_beta": ready.stage.beta, **named, "remove_unused_columns": False}


_OF_STAGE: Mapping[str, Callable[[Ready], dict[str, Any]]] = {
    "sft": _sft,
    "rejection_sampling": _sft,
    "dpo": _dpo,
    "kto": _kto,
}


def _described(ready: Ready, name: str) -> dict[str, Any]:
    """An entry of `datasets`."""
    fields = [*ready.train.examples[0].sides, *(["label"] if ready.stage.type == "kto" else [])]
    preferences = {f"field_{field}": field for field in ("prompt", *fields)}
    kind = preferences if ready.stage.type in ("dpo", "kto") else "input_output"
    return {"path": f"{ready.data}/{name}.jsonl", "ds_type": "json", "split": "train", "type": kind}


def _row(ready: Ready, example: Example) -> dict[str, Any]:
    if ready.stage.type in ("dpo", "kto"):
        return example.rendered
    texts = ((False, example.prompt), (True, example.sides["completion"].text))
    return {"segments": [{"label": learned, "text": text} for learned, text in texts]}


def _left(ready: Ready) -> tuple[str, ...]:
    stage, told = ready.stage, not_carried.of_stage(ready)
    told += ["the chat template: rows are rendered text, for another model eject anew"]
    if ready.plan.report_to:
        told.append(f"the trackers {', '.join(ready.plan.report_to)}: name them in the peer's own keys")
    if ready.tuning == "full":
        told.append("fp32 weights under bf16 products: the peer keeps the weights in bf16 too")
    told += not_carried.of_tokens(ready, lambda example: _read(ready, example))
    told += not_carried.of_keys(stage, _PASSED)
    if isinstance(stage, DPO) and stage.sft_weight:
        told.append(not_carried.IMITATION)
    if stage.type == "kto":
        told.append(not_carried.KL_ANSWERS)
    return tuple(told)


def _read(ready: Ready, example: Example) -> Ids:
    if ready.stage.type in ("dpo", "kto"):  # which TRL tokenises
        return read(ready, _row(ready, example), example.sides)
    return not_carried.apart(ready, example)


AXOLOTL = Peer(
    title="Axolotl 0.19.0",
    setup='pip install "axolotl==0.19.0"',
    note="It needs a GPU.",
    lacks=lacks,
    made=made,
)
