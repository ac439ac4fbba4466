"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) on pairs of a chosen and a rejected answer.

In: a policy, preference pairs. Out: a policy, and rows.txt: three pairs as they were trained on. The reference is the
input policy: a frozen copy, or the adapter turned off. Loss on answers alone; a pair with a side that is too long is
left out and counted. TRL's DPOTrainer with the plan's loss (dpo_losses.py).
"""

from typing import Any

from datasets import Dataset
from transformers import set_seed
from trl import DPOConfig

from pipelines import sized
from pipelines.dpo_losses import PAIR_LOSSES
from pipelines.files import write_text
from pipelines.job import Job, Numbers
from pipelines.models import Policy, attend_fast, lora_config, resolve_tuning
from pipelines.plan import DPO
from pipelines.preference_run import SHOWN, learn, reference_of
from pipelines.preference_trainers import PairTrainer
from pipelines.preferences.examples import Examples, pair_examples, shown
from pipelines.preferences.pairs import load_pairs
from pipelines.sft import load_for_training
from pipelines.sized import Data
from pipelines.training import common_arguments, device, model_facts
from pipelines.watch import Watch


def run(job: Job) -> Numbers:
    """The stage function of `dpo`."""
    stage = job.config(DPO)
    split = load_pairs(job)
    set_seed(job.plan.seed)  # LoRA's first weights are drawn before the trainer sets it
    policy = load_for_training(job)
    arguments = job.plan.model.template_args
    limit = stage.max_length or model_facts(policy).context
    examples = pair_examples(split.train, policy.tokenizer, limit, arguments)
    write_text(job.folder / "rows.txt", shown(policy.tokenizer, split.train, arguments))
    for note in examples.notes:
        job.progress.say(note)
    watch = Watch(job, SHOWN)
    trainer = _trainer(job, stage, policy, examples, watch)
    numbers = learn(job, policy, split, trainer, watch, stage.stop_on)
    return {"pairs": len(examples.examples), "left_out_too_long": len(examples.too_long), **numbers}


def _trainer(job: Job, stage: DPO, policy: Policy, examples: Examples, watch: Watch) -> PairTrainer:
    facts = model_facts(policy)
    tuning = resolve_tuning(job.plan.model, facts.num_parameters)
    attend_fast(policy.model, examples.longest)
    reference = reference_of(policy, stage, tuning)
    size = sized.dpo(stage, facts, tuning, Data(len(examples.examples), examples.longest), device(job.plan.model))
    config = DPOConfig(
        **{**loss_arguments(stage), **common_arguments(job, stage, size, facts)},
        # An arm that stops by the clock needs more epochs than the clock allows.
        num_train_epochs=size.epochs if job.match_seconds is None else 100_000,
        max_length=None,
        disable_dropout=True,
    )
    return PairTrainer(
        stage.sft_weight,
        model=policy.model,
        ref_model=reference,
        args=config,
        train_dataset=Dataset.from_list(examples.examples),
        processing_class=policy.tokenizer,
        peft_config=None if tuning == "full" else lora_config(job.plan.model),
        callbacks=[watch],
    )


def loss_arguments(stage: DPO) -> dict[str, Any]:
    """The plan's loss as arguments of DPOConfig."""
    variant = PAIR_LOSSES[stage.loss]
    smoothing = stage.label_smoothing if stage.label_smoothing is not None else variant.smoothing
    return {"loss_type": [variant.trl], "beta": stage.beta or variant.beta, "label_smoothing": smoothing}
