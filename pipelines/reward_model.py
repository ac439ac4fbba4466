"""Trains a reward model on preference pairs and checks it on pairs that it did not learn from (Ouyang et al. 2022,
arXiv 2203.02155, §3.4; TRL's RewardTrainer).

In: a policy, whose weights the body starts from; pairs. Out: a reward model, which graders of type `reward_model` score
with; checks.json and reliability.png (pipelines/reward_model_checks.py). Its numbers are centred (Eisenstein et al.
2023, arXiv 2312.09244, eq. 2) and their mean over the training pairs is taken off. The last weights are taken: what is
held out chooses nothing, so the gate is honest. `method: quick` learns the head alone, by logistic regression
on the frozen body's states; that is measured beside every other reward model too. `ensemble` trains several.
"""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import set_seed
from trl import RewardConfig, RewardTrainer

from graders.errors import UserError
from graders.reward_model import MEMBER, Scorer
from pipelines import processes, sized
from pipelines.batch_order import within_steps
from pipelines.files import write_json
from pipelines.job import Job, Numbers
from pipelines.keep_best import KeepBest
from pipelines.models import LORA_RANK, Policy, attend_fast, load_tokenizer, resolve_tuning
from pipelines.plan import ModelSpec, RewardModel
from pipelines.preferences.pairs import load_pairs
from pipelines.reward_model_checks import Parts, centre_of, checked, held_apart, loading, scored
from pipelines.sharding import Weights
from pipelines.sized import Data
from pipelines.training import common_arguments, device, model_facts, train
from pipelines.watch import Watch
from reward_models.examples import encode_pairs
from reward_models.model import leave, load_body, lora_for_head, write_centre
from reward_models.quick import fit_head

CENTRING = 0.01
"""Weight of the mean squared sum of both numbers: what Eisenstein et al. and TRL recommend."""
MEMBER_DONE = "numbers.json"
"""In a member's folder, when it is trained."""


def run(job: Job) -> Numbers:
    """The stage function of `reward_model`."""
    stage = job.config(RewardModel)
    split = load_pairs(job, with_ties=True)
    parts = held_apart(split, stage.margins)
    members = [_member(job, number) for number in range(1, stage.ensemble)]
    for member in members:
        if not (member.folder / MEMBER_DONE).exists():
            job.progress.say(f"trains one of {stage.ensemble} reward models")
            numbers = _made(member, parts)
            if processes.is_first():
                write_json(member.folder / MEMBER_DONE, dict(numbers))
    numbers = _made(job, parts)
    if not processes.is_first():
        return numbers
    for number, member in enumerate(members, start=1):
        shutil.copytree(member.model_folder, job.model_folder / f"{MEMBER}{number}", dirs_exist_ok=True)
    baseline = None if stage.method == "quick" or not parts.held else _quick_accuracy(job, parts)
    return {"pairs": len(parts.learned), **numbers, **checked(job, split, parts, baseline)}


def _member(job: Job, number: int) -> Job:
    """Another head's first weights, another order of the pairs, a folder of its own."""
    folder = job.folder / "members" / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    return replace(job, folder=folder, plan=job.plan.model_copy(update={"seed": job.plan.seed + number}))


def _made(job: Job, parts: Parts) -> Numbers:
    """Trains one, and leaves it with its centre."""
    stage = job.config(RewardModel)
    set_seed(job.plan.seed)  # the head's first weights
    policy = _body(job)
    numbers = _quick(job, policy, parts) if stage.method == "quick" else _learned(job, stage, policy, parts)
    if processes.is_first():
        write_centre(job.model_folder, centre_of(job.model_folder, job.plan.model, parts.learned))
    return numbers


def _body(job: Job) -> Policy:
    """The input policy's weights under a head of one number."""
    tokenizer = load_tokenizer(job.policy, job.plan.model)
    tokenizer.padding_side = "right"
    model = load_body(job.policy, torch.float32, loading(job.policy, job.plan.model), tokenizer.pad_token_id)
    return Policy(model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer, job.policy, ())


def _learned(job: Job, stage: RewardModel, policy: Policy, parts: Parts) -> Numbers:
    facts = model_facts(policy)
    encoded = encode_pairs(parts.learned, policy.tokenizer, facts.context)
    if not encoded.examples:
        raise UserError(f"every pair exceeds the model's context of {facts.context} tokens", "shorter conversations")
    if encoded.too_long:
        job.progress.say(f"{len(encoded.too_long)} pairs exceed the context of {facts.context} tokens and are left out")
    tuning = resolve_tuning(job.plan.model, facts.num_parameters)
    lengths = [max(len(one["chosen_ids"]), len(one["rejected_ids"])) for one in encoded.examples]
    size = sized.reward_model(stage, facts, tuning, Data(len(lengths), max(lengths)), device(job.plan.model))
    attend_fast(policy.model, max(lengths))
    order = within_steps(lengths, size.per_step, max(1, round(size.epochs * len(lengths))), job.plan.seed)
    config = RewardConfig(
        **common_arguments(job, stage, size, facts),
        num_train_epochs=1,  # the order holds all passes
        train_sampling_strategy="sequential",
        max_length=None,
        center_rewards_coefficient=CENTRING,
    )
    watch = Watch(job, {"loss": "loss", "accuracy": "accuracy"})
    trainer = RewardTrainer(
        model=policy.model,
        args=config,
        train_dataset=Dataset.from_list(encoded.examples).select(order),
        processing_class=policy.tokenizer,
        peft_config=None if tuning == "full" else lora_for_head(job.plan.model.lora_rank or LORA_RANK),
        callbacks=[watch],
    )
    numbers = train(trainer, job, policy, watch, KeepBest(job, None), _save)
    return {"examples": len(encoded.examples), "left_out_too_long": len(encoded.too_long), **numbers}


def _save(model: Any, source: Policy, spec: ModelSpec, folder: Path, weights: Weights | None = None) -> None:
    leave(model, source.tokenizer, (source.where, loading(source.where, spec)), folder, weights)


def _quick(job: Job, policy: Policy, parts: Parts) -> Numbers:
    started = time.monotonic()
    weights, strength = fit_head(_frozen(policy), parts.learned, job.plan.seed)
    policy.model.score.weight.data.copy_(weights)
    _save(policy.model, policy, job.plan.model, job.model_folder)
    return {"examples": len(parts.learned), "strength": strength, "train_seconds": round(time.monotonic() - started, 2)}


def _quick_accuracy(job: Job, parts: Parts) -> float:
    """Of logistic regression on the input policy's states: what a reward model should beat."""
    policy = _body(job)
    scorer = _frozen(policy)
    policy.model.score.weight.data.copy_(fit_head(scorer, parts.learned, job.plan.seed)[0])
    rights = [one.right for one in scored([scorer], parts.held)]
    return sum(rights) / max(1, len(rights))


def _frozen(policy: Policy) -> Scorer:
    return Scorer(policy.model.eval(), policy.tokenizer, 0.0)
