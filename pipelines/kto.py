"""Kahneman-Tversky optimisation (Ethayarajh et al. 2024, arXiv 2402.01306) on answers marked good or bad.

In: a policy, marked answers, or the two sides of preference pairs. Out: a policy, and rows.txt: three rows as they were
trained on. The reference is the input policy. Each answer gains or loses against a KL that is measured over a
micro-batch, so a micro-batch is part of the method: it has eight answers where the device bears them. TRL's KTOTrainer.
"""

import random

from datasets import Dataset
from transformers import set_seed
from trl import KTOConfig

from pipelines import sized
from pipelines.files import write_text
from pipelines.job import Job, Numbers
from pipelines.models import Policy, attend_fast, lora_config, resolve_tuning
from pipelines.plan import KTO
from pipelines.preference_run import SHOWN, learn, reference_of
from pipelines.preference_trainers import ThumbTrainer
from pipelines.preferences.examples import Examples, shown, thumb_examples
from pipelines.preferences.thumbs import load_thumbs, thumb_weights
from pipelines.sft import load_for_training
from pipelines.sized import Data
from pipelines.training import common_arguments, device, model_facts
from pipelines.watch import Watch


def run(job: Job) -> Numbers:
    """The stage function of `kto`."""
    stage = job.config(KTO)
    split = load_thumbs(job)
    set_seed(job.plan.seed)  # LoRA's first weights are drawn before the trainer sets it
    policy = load_for_training(job)
    arguments = job.plan.model.template_args
    limit = stage.max_length or model_facts(policy).context
    # TRL goes through them in order, and takes the KL's answers from the neighbours.
    mixed = split.train.only(random.Random(job.plan.seed).sample(split.train.rows, len(split.train.rows)))
    examples = thumb_examples(mixed, policy.tokenizer, limit, arguments)
    write_text(job.folder / "rows.txt", shown(policy.tokenizer, mixed, arguments))
    for note in examples.notes:
        job.progress.say(note)
    watch = Watch(job, SHOWN)
    trainer = _trainer(job, stage, policy, examples, watch)
    numbers = learn(job, policy, split, trainer, watch, stage.stop_on)
    good = sum(example["label"] for example in examples.examples)
    counts = {"good": good, "bad": len(examples.examples) - good, "left_out_too_long": len(examples.too_long)}
    return {**counts, "weights": [trainer.desirable_weight, trainer.undesirable_weight], **numbers}


def _trainer(job: Job, stage: KTO, policy: Policy, examples: Examples, watch: Watch) -> ThumbTrainer:
    facts = model_facts(policy)
    num_rows = len(examples.examples)
    tuning = resolve_tuning(job.plan.model, facts.num_parameters)
    attend_fast(policy.model, examples.longest)
    reference = reference_of(policy, stage, tuning)
    size = sized.kto(stage, facts, tuning, Data(num_rows, examples.longest), device(job.plan.model))
    good = sum(example["label"] for example in examples.examples)
    weights = thumb_weights(good, num_rows - good)
    config = KTOConfig(
        **{"beta": stage.beta, **common_arguments(job, stage, size, facts)},
        desirable_weight=weights[0],
        undesirable_weight=weights[1],
        # An arm that stops by the clock needs more epochs than the clock allows.
        num_train_epochs=size.epochs if job.match_seconds is None else 100_000,
        max_length=None,
        disable_dropout=True,
    )
    return ThumbTrainer(
        model=policy.model,
        ref_model=reference,
        args=config,
        train_dataset=Dataset.from_list(examples.examples),
        processing_class=policy.tokenizer,
        peft_config=None if tuning == "full" else lora_config(job.plan.model),
        callbacks=[watch],
    )
