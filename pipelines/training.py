"""What every training method shares: the trainer's common arguments, checkpoints, stopping, and leaving the policy."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from graders.errors import UserError
from pipelines import processes, sizing
from pipelines.checkpoints import newest_checkpoint
from pipelines.data.render import encode
from pipelines.data.rows import Row
from pipelines.files import remove_tree, write_json
from pipelines.job import Job, Numbers, Stopped
from pipelines.keep_best import KeepBest
from pipelines.models import LORA_RANK, Policy, computes_in_bf16, save_policy, shape_of
from pipelines.plan import ModelSpec, Training
from pipelines.sharding import Weights, own_part, whole_weights
from pipelines.sized import Device, Sized
from pipelines.sizing import ModelFacts
from pipelines.trackers import tracker_arguments
from pipelines.watch import Watch


def common_arguments(job: Job, stage: Training, size: Sized, facts: ModelFacts) -> dict[str, Any]:
    """Arguments of every TRL config; the stage's `trainer:` comes last and may add to ours."""
    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(job.checkpoints),
        **optimiser_arguments(stage, job.plan.seed, size, facts, ends=job.match_seconds is None),
        "bf16": computes_in_bf16(),
        "use_cpu": not on_gpu,
        "logging_steps": 1,
        "save_strategy": "no",
        "save_total_limit": 2,
        "disable_tqdm": True,
        "dataloader_pin_memory": on_gpu,
        "remove_unused_columns": False,
        **tracker_arguments(job, stage),
    } | stage.trainer


def optimiser_arguments(
    stage: Training, seed: int, size: Sized, facts: ModelFacts, ends: bool = True
) -> dict[str, Any]:
    """Those of them that decide the result on any machine. ends: whether the number of steps is known.

    The learning rate stays constant after its warm-up where it is not, and in RL, as DAPO and Dr. GRPO do; SFT, DPO and
    KTO let it fall along a cosine.
    """
    falls = ends and stage.type not in ("grpo", "ppo")
    return {
        "seed": seed,
        "per_device_train_batch_size": size.batch.micro,
        "gradient_accumulation_steps": size.batch.accumulation,
        "learning_rate": size.learning_rate,
        "lr_scheduler_type": "cosine" if falls else "constant_with_warmup",
        "warmup_steps": 0 if size.steps == 1 else 0.1 if falls else 3,  # the first of a warm-up has a rate of zero
        "max_grad_norm": 1.0,
        "activation_checkpointing": facts.checkpointing,
    }


def model_facts(policy: Policy) -> ModelFacts:
    """What sizing needs, read off a loaded model."""
    config = policy.model.config.get_text_config()
    context = getattr(config, "max_position_embeddings", None) or policy.tokenizer.model_max_length
    return ModelFacts(shape_of(policy.model), int(context))


def answer_limit(rows: Sequence[Row], policy: Policy, template_args: Mapping[str, Any]) -> int:
    """Tokens an answer may take, from the demonstrations among the rows (at most 2,000 are measured)."""
    shown = [row for row in rows if row.demonstration is not None][:2000]
    lengths = []
    for row in shown:
        encoded = encode(policy.tokenizer, row.messages, row.answer, template_args, row.tools)
        lengths.append(len(encoded.input_ids) - encoded.prompt_len)
    return min(sizing.answer_tokens(lengths), max(16, model_facts(policy).context // 2))


def require_room(new_tokens: int, policy: Policy) -> None:
    """Raises UserError when answers of so many tokens could not stand in the model's context."""
    context = model_facts(policy).context
    if new_tokens >= context:
        raise UserError(
            f"answers of {new_tokens} tokens do not fit the model's context of {context}",
            "room for the prompt and the answer",
            "lower max_new_tokens",
        )


def room() -> sizing.Room:
    """What training may fill, its weights included: nine tenths of what is free on the GPU, for allocations leave gaps
    (ours), or half of the machine's memory.

    A CPU's caches make a micro-batch of 8,192 tokens faster than a larger one: 256 rows of 104 tokens take 3.3 s in
    four parts and 8.1 s in one (docs/experiments.md).
    """
    if torch.cuda.is_available():
        return sizing.Room(int(0.9 * (torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved())))
    return sizing.Room(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2, tokens=8192)


def device(spec: ModelSpec) -> Device:
    """What this process trains on, and how."""
    kind: Literal["cpu", "cuda"] = "cuda" if torch.cuda.is_available() else "cpu"
    return Device(processes.count(), room(), kind, computes_in_bf16(), spec.lora_rank or LORA_RANK)


Save = Callable[[Any, Policy, ModelSpec, Path, Weights | None], None]
"""(the trained model, what training started from, the plan's model, folder, the model's state where it is sharded, else
None) → leaves the model there, atomically."""


def train(trainer: Any, job: Job, policy: Policy, watch: Watch, best: KeepBest, save: Save = save_policy) -> Numbers:
    """Trains, from the newest whole checkpoint if there is one, and leaves the model in the job's folder.

    Raises Stopped after saving when a signal came, and UserError when training moved no weight though it had
    something to learn from.
    """
    before = thumbprint(trainer.model)
    checkpoint = newest_checkpoint(job.checkpoints, job.progress)
    job.progress.say(f"resumes from {checkpoint.name}" if checkpoint else "training begins")
    if job.plan.sharding != "none":
        job.progress.say("the model is shared out: it is not measured while it trains, and its last weights are taken")
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    state = trainer.state
    over = watch.out_of_time or watch.gave_up or state.global_step >= state.max_steps
    if job.progress.stop_requested and not over:
        raise Stopped
    seconds = watch.train_seconds
    weights = whole_weights(trainer)
    after = thumbprint(trainer.model) if weights is None else _of_state(weights, trainer.model)
    if not watch.idle and checkpoint is None and processes.is_first() and after == before:
        if watch.out_of_time and job.most_seconds is not None:
            raise _too_short(state.global_step, seconds, job)
        raise UserError(
            f"training changed no weight in {state.global_step} steps",
            "more steps (the first of a warmup has a learning rate of zero); in RL, answers that the grader can judge",
            "raise epochs or steps, or lower batch_size; in RL, look at samples.jsonl",
            str(job.folder),
        )
    model = trainer.accelerator.unwrap_model(trainer.model)
    taken = best.take_best(model, state.global_step)
    _require_finite(model, trainer.args.learning_rate)
    if state.is_world_process_zero:
        save(model, policy, job.plan.model, job.model_folder, weights)
        write_json(job.folder / "curve.json", state.log_history)
        remove_tree(job.checkpoints)
    steps = {"steps": state.global_step, "taken_from_step": taken, "processes": processes.count()}
    rate = {"learning_rate": trainer.args.learning_rate}
    return {"train_seconds": round(seconds, 2), **steps, **rate, **best.outcome(taken)}


LEAST_STEPS = 8
"""Below this a rate that warms up over the first three has taught next to nothing."""


def _too_short(steps: int, seconds: float, job: Job) -> UserError:
    minutes = LEAST_STEPS * seconds / max(1, steps) / 60
    return UserError(
        f"{seconds:.0f} seconds were enough for {steps} steps only, which moved no weight",
        f"about {minutes:.2g} minutes, for {LEAST_STEPS} steps",
        "raise max_minutes (of a pilot: --minutes), or lower prompts_per_step or batch_size",
        str(job.folder),
    )


def _require_finite(model: Any, rate: float) -> None:
    if not all(bool(own_part(parameter).isfinite().all()) for parameter in model.parameters()):
        raise UserError(
            "training diverged: the weights are no numbers any more",
            "a learning rate that the model bears",
            f"lower learning_rate (it was {rate:g}), or remove it from the plan",
        )


def thumbprint(model: Any) -> str:
    """Sums of the first 16 trainable tensors: equal before and after means that nothing was trained. Of a sharded
    model, of what this process holds."""
    return _sums([own_part(parameter) for parameter in model.parameters() if parameter.requires_grad][:16])


def _of_state(weights: Weights, model: Any) -> str:
    """The same of a sharded model's whole state, as the model had it before it was shared out."""
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad][:16]
    return _sums([weights[name] for name in names if name in weights])


def _sums(tensors: Sequence[torch.Tensor]) -> str:
    return json.dumps([tensor.detach().double().sum().item() for tensor in tensors])
