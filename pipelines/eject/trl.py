"""A stage as a config of TRL's command line: `trl sft --config sft.yaml`, and so on.

The settings are the arguments that the stage here hands to the same trainers; what `trainer:` says comes last. Its data
set is a folder with train.jsonl and validation.jsonl. Source: TRL 1.16, trl/scripts.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graders.reward_model import RewardModel as RewardModelGrader
from graders.reward_model import is_stage
from pipelines.dpo import loss_arguments
from pipelines.eject import not_carried
from pipelines.eject.graded import graded_files, reward_name
from pipelines.eject.merge import MERGE
from pipelines.eject.peer import Peer
from pipelines.eject.ready import Made, Ready, Rows, left, merged
from pipelines.eject.trl_rows import TAKE_TEMPLATE, Layout, layout_of, read, template_args
from pipelines.grpo_losses import LOSSES
from pipelines.plan import DPO, PPO, Plan, RewardModel, Stage
from pipelines.reward_model import CENTRING
from pipelines.rollout import sampling_arguments
from pipelines.sized import updates_per_generation
from pipelines.training import model_facts, optimiser_arguments

_COMMANDS = {
    "sft": "sft",
    "rejection_sampling": "sft",
    "dpo": "dpo",
    "kto": "kto",
    "reward_model": "reward",
    "grpo": "grpo",
}
TEMPLATE = "chat_template.jinja"
_EVALUATIONS = 10


def lacks(_plan: Plan, stage: Stage) -> str | None:
    """Why TRL cannot do it."""
    if isinstance(stage, PPO):
        return "TRL 1.16 has no PPO trainer; 1.12 was the last with one"
    if isinstance(stage, RewardModel) and stage.method == "quick":
        return "TRL has no reward model whose head alone is fitted"
    return None


def made(ready: Ready) -> Made:
    """Its config, rows and commands."""
    layout = layout_of(ready)
    needs_template = not ready.own_template and not ready.start.earlier
    template = needs_template and ready.stage.type in TAKE_TEMPLATE
    config = {
        **_model(ready),
        "dataset_name": ready.data,
        "dataset_train_split": "train",
        **_evaluation(ready),
        **({"chat_template_path": TEMPLATE} if template else {}),
        "output_dir": left(ready.name),
        **optimiser_arguments(ready.stage, ready.plan.seed, ready.size, model_facts(ready.policy)),
        "bf16": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": ready.trackers,
        **_OF_STAGE[ready.stage.type](ready),
        **_adapter(ready),
        **ready.stage.trainer,
    }
    files = {f"{ready.data}/{name}.jsonl": rows for name, rows in _rows(ready, layout).items() if rows}
    more = graded_files(ready) if "reward_funcs" in config else {}
    whole = {**files, **more, **({TEMPLATE: ready.policy.tokenizer.chat_template} if needs_template else {})}
    if ready.tuning != "full":
        whole["merge.py"] = MERGE
    return Made(config, whole, _commands(ready), tuple(_left(ready, layout)))


def _commands(ready: Ready) -> tuple[str, ...]:
    train = f"trl {_COMMANDS[ready.stage.type]} --config {ready.name}.yaml --num_processes {ready.plan.processes}"
    merge = f"python merge.py {left(ready.name)} {merged(ready.name)}"
    return (train,) if ready.tuning == "full" else (train, merge)


def _model(ready: Ready) -> dict[str, Any]:
    spec = ready.plan.model
    revision = {"model_revision": spec.revision} if ready.on_hub and spec.revision else {}
    trusted = {"trust_remote_code": True} if spec.trust_remote_code else {}
    return {"model_name_or_path": ready.start.folder, **revision, **trusted, "dtype": "float32"}


def _adapter(ready: Ready) -> dict[str, Any]:
    """As models.lora_config and reward_models.model.lora_for_head have it."""
    if ready.tuning == "full":
        return {}
    head = {"lora_task_type": "SEQ_CLS", "lora_modules_to_save": ["score"]}
    four_bit = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "use_bnb_nested_quant": True}
    return {
        "use_peft": True,
        "lora_r": ready.rank,
        "lora_alpha": 2 * ready.rank,
        "lora_dropout": 0.0,
        "lora_target_modules": ["all-linear"],
        **(head if ready.stage.type == "reward_model" else {}),
        **(four_bit if ready.tuning == "qlora" else {}),
    }


def _evaluation(ready: Ready) -> dict[str, Any]:
    """Of the loss, after each pass; in RL of the reward, ten times."""
    if not ready.held.examples:
        return {"eval_strategy": "no"}
    split = {"dataset_test_split": "validation"}
    if ready.stage.type != "grpo":
        return {**split, "eval_strategy": "epoch", "per_device_eval_batch_size": ready.size.batch.micro}
    every = max(1, ready.size.steps // _EVALUATIONS)
    batch = {"per_device_eval_batch_size": ready.stage.group_size}
    return {**split, "eval_strategy": "steps", "eval_steps": every, **batch}


def _sft(ready: Ready) -> dict[str, Any]:
    return {"num_train_epochs": ready.size.epochs, "max_length": None, "packing": False, "completion_only_loss": True}


def _dpo(ready: Ready) -> dict[str, Any]:
    loss = loss_arguments(ready.stage)
    if ready.stage.sft_weight:
        loss |= {"loss_type": [*loss["loss_type"], "sft"], "loss_weights": [1.0, ready.stage.sft_weight]}
    return {**loss, **_passes(ready), "disable_dropout": True}


def _kto(ready: Ready) -> dict[str, Any]:
    good, bad = ready.thumb_weights
    named = {"desirable_weight": good, "undesirable_weight": bad}
    return {"beta": ready.stage.beta, **named, **_passes(ready), "disable_dropout": True}


def _reward_model(ready: Ready) -> dict[str, Any]:
    return {**_passes(ready), "center_rewards_coefficient": CENTRING}


def _passes(ready: Ready) -> dict[str, Any]:
    return {"num_train_epochs": ready.size.epochs, "max_length": None}


def _grpo(ready: Ready) -> dict[str, Any]:
    stage, size = ready.stage, ready.size
    by_model = ready.reward is not None and goes_by_model(ready.plan, stage)
    reward = (
        {"reward_model_name_or_path": ready.reward.folder}
        if by_model and ready.reward is not None
        else {"reward_funcs": [f"{reward_name(ready)}.reward"]}
    )
    return {
        **reward,
        **LOSSES[stage.loss].arguments,
        **sampling_arguments(stage, size.longest),
        "max_steps": size.steps,
        "num_generations": stage.group_size,
        "generation_batch_size": size.per_step * updates_per_generation(stage),
        "max_completion_length": ready.new_tokens,
        "beta": stage.kl,
        **({"chat_template_kwargs": dict(ready.template_args)} if ready.template_args else {}),
    }


def goes_by_model(plan: Plan, stage: Stage) -> bool:
    """Whether the reward is the reward model of a stage, alone, which TRL loads itself."""
    grader = plan.graders[plan.reward_of(stage)]
    return (
        isinstance(grader, RewardModelGrader) and is_stage(grader.model) and not getattr(stage, "overlong_penalty", 0)
    )


_OF_STAGE: Mapping[str, Callable[[Ready], dict[str, Any]]] = {
    "sft": _sft,
    "rejection_sampling": _sft,
    "dpo": _dpo,
    "kto": _kto,
    "reward_model": _reward_model,
    "grpo": _grpo,
}


def _rows(ready: Ready, layout: Layout) -> dict[str, Rows]:
    arguments = {} if ready.stage.type == "grpo" else template_args(ready)
    parts = {"train": ready.train.examples, "validation": ready.held.examples}
    rows = {name: [layout.write(example, arguments) for example in examples] for name, examples in parts.items()}
    if ready.stage.type == "grpo":  # by which the reward finds the row
        numbered = enumerate([*rows["train"], *rows["validation"]])
        for place, row in numbered:
            row["row_index"] = place
    return rows


def _left(ready: Ready, layout: Layout) -> list[str]:
    stage, told = ready.stage, not_carried.of_stage(ready)
    if layout.name != "chat":
        told.append(f"the chat template: rows are {_NAMES[layout.name]}, for another model eject anew ({_why(ready)})")
    told += not_carried.of_tokens(ready, lambda one: read(ready, layout.write(one, template_args(ready)), one.sides))
    if isinstance(stage, DPO) and stage.sft_weight:
        told.append(not_carried.IMITATION)
    if stage.type == "kto":
        told.append(not_carried.KL_ANSWERS)
    if isinstance(stage, RewardModel):
        told += not_carried.of_reward_model(stage)
    if stage.type == "grpo":
        told += not_carried.of_online(ready)
    return told


_NAMES = {"text": "rendered text", "ids": "token ids"}


def _why(ready: Ready) -> str:
    return "TRL makes other tokens of its turns" if ready.own_template else f"the model has none; ours is in {TEMPLATE}"


TRL = Peer(
    title="TRL 1.16",
    setup='pip install "trl==1.16.*" peft',
    note="Without a GPU add `--use_cpu true --bf16 false` to each command.",
    lacks=lacks,
    made=made,
)
