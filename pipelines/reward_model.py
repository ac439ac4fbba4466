"""Trains a reward model on preference pairs and checks it on pairs that it did not learn from (Ouyang et al. 2022,
arXiv 2203.02155, §3.4; TRL's RewardTrainer).

In: a policy, whose weights the body starts from; pairs. Out: a reward model, which graders of type `reward_model` score
with; checks.json and reliability.png. Its numbers are centred (Eisenstein et al. 2023, arXiv 2312.09244, eq. 2) and
their mean over the training pairs is taken off. The last weights are taken: what is held out chooses nothing, so the
gate's accuracy is honest. `method: quick` learns the head alone, by logistic regression on the frozen body's states;
that is measured beside every other reward model too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import set_seed
from trl import RewardConfig, RewardTrainer

from graders.errors import UserError
from graders.reward_model import Scorer
from pipelines import processes, sizing
from pipelines.data.rows import Row, Split
from pipelines.data.split import prompt_hash
from pipelines.evals.reliability_plot import draw_reliability
from pipelines.evals.reward_checks import Scored, check
from pipelines.files import write_json
from pipelines.job import Job, Numbers
from pipelines.keep_best import KeepBest
from pipelines.models import Policy, load_policy, load_tokenizer, resolve_tuning
from pipelines.plan import ModelSpec, RewardModel
from pipelines.preferences.pairs import load_pairs
from pipelines.sampling import Sampling, sample
from pipelines.training import answer_limit, common_arguments, model_facts, room, train
from pipelines.watch import Watch
from reward_models.examples import Pair, encode_pairs
from reward_models.model import leave, load_body, lora_for_head, write_centre
from reward_models.quick import fit_head

HELD_SHARE = 5
"""Where the plan has no validation part, one prompt in so many is held out of the training part."""
DRIFT_PROMPTS = 100
CENTRING = 0.01
"""Weight of the mean squared sum of both numbers: what Eisenstein et al. and TRL recommend."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """held chooses nothing. prompts: of the held-out rows, for the policy's own samples."""

    learned: list[Pair]
    held: list[Pair]
    prompts: list[Row]


def run(job: Job) -> Numbers:
    """The stage function of `reward_model`."""
    stage = job.config(RewardModel)
    set_seed(job.plan.seed)  # the head's first weights
    split = load_pairs(job)
    parts = _parts(split, stage.margins)
    policy = _body(job)
    numbers = _quick(job, policy, parts) if stage.method == "quick" else _learned(job, stage, policy, parts)
    if not processes.is_first():
        return numbers
    scorer = scorer_of(job.model_folder, job.plan.model)
    centre = _centre(scorer, parts.learned)
    write_centre(job.model_folder, centre)
    scorer = Scorer(scorer.model, scorer.tokenizer, centre)
    checks: dict[str, Any] = check(scored(scorer, parts.held), parts.learned) if parts.held else {"held_out_pairs": 0}
    checks |= {"quick_accuracy": numbers.get("quick_accuracy") or _quick_accuracy(job, parts)}
    checks |= _drift(job, split, scorer, parts)
    write_json(job.folder / "checks.json", checks)
    if parts.held:
        draw_reliability(checks["reliability"], job.folder / "reliability.png")
    _say(job, checks)
    return {"pairs": len(parts.learned), **numbers, **checks}


def _parts(split: Split, margins: bool) -> _Parts:
    train, held = list(split.train.rows), list(split.validation.rows)
    if not held:
        held = [row for row in train if int(prompt_hash(row, "held")[:8], 16) % HELD_SHARE == 0]
        train = [row for row in train if row not in held]
    prompts = list({prompt_hash(row): row for row in held}.values())[:DRIFT_PROMPTS]
    return _Parts([_pair(row, margins) for row in train], [_pair(row, False) for row in held], prompts)


def _pair(row: Row, margins: bool) -> Pair:
    margin = row.columns.get("margin") if margins else None
    known = float(margin) if isinstance(margin, int | float) and not isinstance(margin, bool) else None
    return Pair(row.messages, str(row.chosen), str(row.rejected), row.number, known, bool(row.columns.get("tie")))


def _body(job: Job) -> Policy:
    """The input policy's weights under a head of one number."""
    tokenizer = load_tokenizer(job.policy, job.plan.model)
    tokenizer.padding_side = "right"
    options = _options(job.policy, job.plan.model)
    model = load_body(job.policy, torch.float32, options, tokenizer.pad_token_id)
    return Policy(model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer, job.policy, ())


def _options(where: str, spec: ModelSpec) -> dict[str, Any]:
    """For loading: under bf16 autocast on a CPU the fused attention's backward pass is slow, as in load_policy."""
    revision = None if Path(where).is_dir() else spec.revision
    eager = {} if torch.cuda.is_available() else {"attn_implementation": "eager"}
    return {"revision": revision, "trust_remote_code": spec.trust_remote_code, **eager}


def _learned(job: Job, stage: RewardModel, policy: Policy, parts: _Parts) -> Numbers:
    facts = model_facts(policy)
    encoded = encode_pairs(parts.learned, policy.tokenizer, facts.context)
    if not encoded.examples:
        raise UserError(f"every pair exceeds the model's context of {facts.context} tokens", "shorter conversations")
    if encoded.too_long:
        job.progress.say(f"{len(encoded.too_long)} pairs exceed the context of {facts.context} tokens and are left out")
    tuning = resolve_tuning(job.plan.model, facts.num_parameters)
    rate = stage.learning_rate or sizing.learning_rate("sft", facts.hidden_size, tuning)
    size = stage.batch_size or sizing.sft_batch_size(len(encoded.examples))
    longest = max(len(one[side]) for one in encoded.examples for side in ("chosen_ids", "rejected_ids"))
    batch = sizing.split_batch(size, processes.count(), 2 * longest, facts, room())
    config = RewardConfig(
        **common_arguments(job, stage, batch, rate, facts),
        num_train_epochs=stage.epochs or sizing.reward_model_epochs(len(encoded.examples)),
        max_length=None,
        center_rewards_coefficient=CENTRING,
    )
    watch = Watch(job, {"loss": "loss", "accuracy": "accuracy"})
    trainer = RewardTrainer(
        model=policy.model,
        args=config,
        train_dataset=Dataset.from_list(encoded.examples),
        processing_class=policy.tokenizer,
        peft_config=None if tuning == "full" else lora_for_head(job.plan.model.lora_rank or 32),
        callbacks=[watch],
    )
    numbers = train(trainer, job, policy, watch, KeepBest(job, None), _save)
    return {"examples": len(encoded.examples), "left_out_too_long": len(encoded.too_long), **numbers}


def _save(model: Any, source: Policy, spec: ModelSpec, folder: Path) -> None:
    leave(model, source.tokenizer, source.where, _options(source.where, spec), folder)


def _quick(job: Job, policy: Policy, parts: _Parts) -> Numbers:
    import time

    started = time.monotonic()
    weights, strength = fit_head(_frozen(policy), parts.learned, job.plan.seed)
    policy.model.score.weight.data.copy_(weights)
    _save(policy.model, policy, job.plan.model, job.model_folder)
    return {"examples": len(parts.learned), "strength": strength, "train_seconds": round(time.monotonic() - started, 2)}


def _quick_accuracy(job: Job, parts: _Parts) -> float | None:
    """Of logistic regression on the input policy's states: what a reward model should beat."""
    if not parts.held:
        return None
    policy = _body(job)
    scorer = _frozen(policy)
    policy.model.score.weight.data.copy_(fit_head(scorer, parts.learned, job.plan.seed)[0])
    rights = [one.right for one in scored(scorer, parts.held)]
    return sum(rights) / len(rights) if rights else None


def _frozen(policy: Policy) -> Scorer:
    return Scorer(policy.model.eval(), policy.tokenizer, 0.0)


def scorer_of(folder: Path, spec: ModelSpec) -> Scorer:
    """A reward model as it stands on disk, in fp32: what is checked is what will be used."""
    tokenizer = load_tokenizer(str(folder), spec)
    model = load_body(str(folder), torch.float32, _options(str(folder), spec), tokenizer.pad_token_id)
    return _frozen(Policy(model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer, str(folder), ()))


def scored(scorer: Scorer, pairs: Sequence[Pair]) -> list[Scored]:
    """Pairs with both numbers; ties and those that exceed the context are left out."""
    sides = [scorer.numbers([(one.messages, getattr(one, side)) for one in pairs]) for side in ("chosen", "rejected")]
    return [
        Scored(pair, better, worse)
        for pair, better, worse in zip(pairs, *sides, strict=True)
        if better is not None and worse is not None and not pair.tie
    ]


def _centre(scorer: Scorer, pairs: Sequence[Pair]) -> float:
    numbers = [value for one in scored(scorer, pairs) for value in (one.chosen, one.rejected)]
    return sum(numbers) / len(numbers) if numbers else 0.0


def _drift(job: Job, split: Split, scorer: Scorer, parts: _Parts) -> dict[str, float]:
    """How the policy's own answers score beside the answers in the held-out pairs: far outside, nothing is known."""
    if not parts.prompts:
        return {}
    policy = load_policy(job.policy, job.plan.model, "draw")
    args = job.plan.model.template_args
    settings = Sampling(answer_limit(split.train.rows, policy, args), 1.0, seed=job.plan.seed)
    answers = sample(policy, [row.messages for row in parts.prompts], settings, args, job.progress)
    own = scorer.numbers([(row.messages, some[0].text) for row, some in zip(parts.prompts, answers, strict=True)])
    known = [number for number in own if number is not None]
    held = scored(scorer, parts.held)
    inside = [one.chosen for one in held] + [one.rejected for one in held]
    if not known or not inside:
        return {}
    outside = sum(not min(inside) <= number <= max(inside) for number in known)
    return {
        "policy_mean": sum(known) / len(known),
        "chosen_mean": sum(one.chosen for one in held) / len(held),
        "rejected_mean": sum(one.rejected for one in held) / len(held),
        "policy_outside": outside / len(known),
    }


def _say(job: Job, checks: Numbers) -> None:
    if not checks["held_out_pairs"]:
        job.progress.say("no pair is held out, so nothing is known of this reward model")
        return
    low, high = checks["accuracy_interval"]
    job.progress.say(
        f"{checks['accuracy']:.1%} of {checks['held_out_pairs']} held-out pairs are right [{low:.1%}, {high:.1%}]; "
        f"length alone {checks['length_only']:.1%}, quick {checks['quick_accuracy']:.1%}"
    )
