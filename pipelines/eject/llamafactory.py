"""A stage as a config of LLaMA-Factory: `llamafactory-cli train sft.yaml`, with its own data set description.

Rows are rendered text under its template `empty`, which adds nothing: its own templates are known by name and render
many models otherwise than their tokenizers do. Source: LLaMA-Factory 0.9.5, hparams/ and data/.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.dpo import loss_arguments
from pipelines.eject import not_carried
from pipelines.eject.peer import Peer
from pipelines.eject.ready import Made, Ready, Rows, left, merged
from pipelines.plan import DPO, Plan, RewardModel, Stage, Training
from pipelines.training import model_facts, optimiser_arguments

_STAGES = {"sft": "sft", "rejection_sampling": "sft", "dpo": "dpo", "kto": "kto", "reward_model": "rm"}
_LOSSES = {"sigmoid": "sigmoid", "ipo": "ipo"}
_COLUMNS = {"completion": "response", "chosen": "chosen", "rejected": "rejected"}
_PASSED = (
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "dataloader_num_workers",
    "logging_steps",
    "lr_scheduler_kwargs",
    "lr_scheduler_type",
    "max_grad_norm",
    "neftune_noise_alpha",
    "optim",
    "per_device_eval_batch_size",
    "weight_decay",
)
"""Keys of `trainer:` that mean the same there: arguments of transformers' Trainer."""


def lacks(_plan: Plan, stage: Stage) -> str | None:
    """Why LLaMA-Factory cannot do it."""
    if stage.type == "ppo":
        return "LLaMA-Factory 0.9.5's PPO wants trl 0.9.6 at most, which its own requirements exclude"
    if stage.type not in _STAGES:
        return "LLaMA-Factory has no GRPO"
    if isinstance(stage, RewardModel) and stage.method == "quick":
        return "LLaMA-Factory has no reward model whose head alone is fitted"
    if isinstance(stage, DPO) and (stage.loss not in _LOSSES or "loss_type" in stage.trainer):
        return "LLaMA-Factory has no such loss of DPO"
    return None


def made(ready: Ready) -> Made:
    """Its config, rows and commands."""
    facts = model_facts(ready.policy)
    arguments = optimiser_arguments(ready.stage, ready.plan.seed, ready.size, facts)
    checkpointing = arguments.pop("activation_checkpointing")
    config = {
        **_model(ready),
        "stage": _STAGES[ready.stage.type],
        "do_train": True,
        **_adapter(ready),
        "dataset_dir": ready.data,
        "dataset": "train",
        **_evaluation(ready),
        "template": "empty",
        "cutoff_len": ready.train.longest + 1,
        "output_dir": left(ready.name),
        **arguments,
        "warmup_steps": math.ceil(arguments["warmup_steps"] * ready.size.steps),
        "num_train_epochs": ready.size.epochs,
        "disable_gradient_checkpointing": not checkpointing,
        "bf16": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": ready.trackers,
        **_OF_STAGE[ready.stage.type](ready),
        **_passed(ready.stage),
    }
    parts = {"train": ready.train.examples, "validation": ready.held.examples}
    rows: dict[str, Rows] = {name: [one.rendered for one in examples] for name, examples in parts.items() if examples}
    files = {f"{ready.data}/{name}.jsonl": lines for name, lines in rows.items()}
    info = json.dumps({name: _described(ready, name) for name in rows}, indent=2) + "\n"
    return Made(
        config, {**files, f"{ready.data}/dataset_info.json": info, **_merge(ready)}, _commands(ready), _left(ready)
    )


def _model(ready: Ready) -> dict[str, Any]:
    spec = ready.plan.model
    revision = {"model_revision": spec.revision} if ready.on_hub and spec.revision else {}
    trusted = {"trust_remote_code": True} if spec.trust_remote_code else {}
    return {"model_name_or_path": ready.start.folder, **revision, **trusted}


def _adapter(ready: Ready) -> dict[str, Any]:
    """As models.lora_config has it."""
    if ready.tuning == "full":
        return {"finetuning_type": "full"}
    four_bit = {
        "quantization_bit": 4,
        "quantization_method": "bnb",
        "quantization_type": "nf4",
        "double_quantization": True,
    }
    return {
        "finetuning_type": "lora",
        "lora_rank": ready.rank,
        "lora_alpha": 2 * ready.rank,
        "lora_dropout": 0.0,
        "lora_target": "all",
        **(four_bit if ready.tuning == "qlora" else {}),
    }


def _evaluation(ready: Ready) -> dict[str, Any]:
    if not ready.held.examples:
        return {"eval_strategy": "no"}
    batch = {"per_device_eval_batch_size": ready.size.batch.micro}
    return {"eval_dataset": "validation", "eval_strategy": "epoch", **batch}


def _dpo(ready: Ready) -> dict[str, Any]:
    loss = loss_arguments(ready.stage)
    return {"pref_loss": _LOSSES[ready.stage.loss], "pref_beta": loss["beta"], "pref_ftx": ready.stage.sft_weight}


def _kto(ready: Ready) -> dict[str, Any]:
    good, bad = ready.thumb_weights
    return {"pref_beta": ready.stage.beta, "kto_chosen_weight": good, "kto_rejected_weight": bad}


def _nothing(_ready: Ready) -> dict[str, Any]:
    return {}


_OF_STAGE: Mapping[str, Callable[[Ready], dict[str, Any]]] = {
    "sft": _nothing,
    "rejection_sampling": _nothing,
    "reward_model": _nothing,
    "dpo": _dpo,
    "kto": _kto,
}


def _passed(stage: Training) -> dict[str, Any]:
    return {key: value for key, value in stage.trainer.items() if key in _PASSED}


def _described(ready: Ready, name: str) -> dict[str, Any]:
    """An entry of dataset_info.json."""
    first = ready.train.examples[0]
    columns = {"prompt": "prompt"} | {_COLUMNS[side]: side for side in first.sides}
    if first.label is not None:
        columns["kto_tag"] = "label"
    ranking = {"ranking": True} if "chosen" in first.sides else {}
    return {"file_name": f"{name}.jsonl", **ranking, "columns": columns}


def _merge(ready: Ready) -> dict[str, str | Rows]:
    if not _merges(ready):
        return {}
    config = {
        **_model(ready),
        "adapter_name_or_path": left(ready.name),
        "template": "empty",
        "export_dir": merged(ready.name),
    }
    return {f"{ready.name}-merge.yaml": "".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items())}


def _merges(ready: Ready) -> bool:
    """A reward model's head lies beside its adapter, and nothing here begins with one."""
    return ready.tuning != "full" and ready.stage.type != "reward_model"


def _commands(ready: Ready) -> tuple[str, ...]:
    merge = (f"llamafactory-cli export {ready.name}-merge.yaml",) if _merges(ready) else ()
    return (f"NPROC_PER_NODE={ready.plan.processes} llamafactory-cli train {ready.name}.yaml", *merge)


def _left(ready: Ready) -> tuple[str, ...]:
    stage, told = ready.stage, not_carried.of_stage(ready)
    told += ["the chat template: rows are rendered text, for another model eject anew"]
    told += not_carried.of_tokens(ready, lambda example: not_carried.apart(ready, example))
    told += not_carried.of_keys(stage, _PASSED)
    if stage.type in ("dpo", "kto") and ready.tuning == "full":
        told.append("a reference in fp32: the peer keeps it in the dtype of the model's files")
    if stage.type == "kto":
        told.append("the order of the answers, which the KL is measured on: the peer shuffles them")
    if isinstance(stage, RewardModel):
        told += [*not_carried.of_reward_model(stage), "the pull of its numbers towards a mean of 0"]
        if any(example.margin is not None for example in ready.train.examples):
            told.append("margins: the peer's loss has none")
    return tuple(told)


LLAMAFACTORY = Peer(
    title="LLaMA-Factory 0.9.5",
    setup='pip install "llamafactory==0.9.5"',
    note="Without a GPU add `use_cpu=true bf16=false` to each command.",
    lacks=lacks,
    made=made,
)
