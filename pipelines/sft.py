"""Supervised fine-tuning on the rows that have a completion.

In: a policy, the plan's training rows. Out: a policy, and rows.txt: three rows as they were trained on. Loss only on
the completion and the token that ends it; rows that are too long are left out and counted, never cut. Recipe: TRL's
SFTTrainer; sizes from pipelines/sizing.py.
"""

from collections.abc import Sequence

from datasets import Dataset
from transformers import set_seed
from trl import SFTConfig, SFTTrainer

from pipelines import sized
from pipelines.data.checked import load_checked
from pipelines.data.formats import SftExamples, sft_examples
from pipelines.data.rows import Row, Rows
from pipelines.data.show import show
from pipelines.files import write_text
from pipelines.job import Job, Numbers
from pipelines.keep_best import KeepBest, Start, by_metric
from pipelines.models import Policy, attend_fast, load_policy, lora_config, resolve_tuning
from pipelines.plan import SFT, RejectionSampling
from pipelines.sized import Data
from pipelines.training import answer_limit, common_arguments, device, model_facts, train
from pipelines.watch import Watch

EASIER = "its own right answers may teach it: rejection_sampling with `demonstrations: left_out`, or grpo"
"""What to try where others' answers make a model worse."""

LEFT = "left_as_it_was"


def run(job: Job) -> Numbers:
    """The stage function of `sft`."""
    stage = job.config(SFT)
    split = load_checked(job.plan.data, job.base)
    numbers = dict(imitate(job, stage, split.train, split.validation.rows))
    why = numbers.pop(LEFT, None)
    if why is None:
        return numbers
    job.progress.say(f"{why}; {EASIER}")
    return {**numbers, "note": f"{job.stage}: {why}; {EASIER}."}


def imitate(
    job: Job, stage: SFT | RejectionSampling, rows: Rows, held: Sequence[Row], start: Start = "if_sure"
) -> Numbers:
    """Trains on the rows' completions and leaves the policy; `held` are the validation rows. start: see KeepBest.

    Where the input model is what is left, the numbers say why, under LEFT.
    """
    set_seed(job.plan.seed)  # LoRA's first weights are drawn before the trainer sets it
    policy = load_for_training(job)
    facts = model_facts(policy)
    limit = stage.max_length if isinstance(stage, SFT) and stage.max_length else facts.context
    examples = sft_examples(rows, policy.tokenizer, limit, job.plan.model.template_args, job.plan.data.balance)
    for note in examples.notes:
        job.progress.say(note)
    shown = show(policy.tokenizer, rows, template_args=job.plan.model.template_args)
    write_text(job.folder / "rows.txt", "\n\n".join(text.plain for text in shown) + "\n")
    trainer, watch = _trainer(job, stage, policy, examples)
    new_tokens = answer_limit(rows.rows, policy, job.plan.model.template_args)
    best = KeepBest(job, by_metric(job, policy, held, new_tokens), start)
    trainer.add_callback(best)
    numbers = train(trainer, job, policy, watch, best)
    why = best.left_as_it_was(numbers["taken_from_step"])
    counts = {"examples": len(examples.examples), "left_out_too_long": len(examples.too_long)}
    return {**counts, **numbers, **({LEFT: why} if why else {})}


def load_for_training(job: Job) -> Policy:
    """The input policy with weights that can be trained."""
    return load_policy(job.policy, job.plan.model, "train", quantize=job.plan.model.tuning == "qlora")


def _trainer(
    job: Job, stage: SFT | RejectionSampling, policy: Policy, examples: SftExamples
) -> tuple[SFTTrainer, Watch]:
    facts = model_facts(policy)
    tuning = resolve_tuning(job.plan.model, facts.num_parameters)
    longest = max(len(example["input_ids"]) for example in examples.examples)
    size = sized.sft(stage, facts, tuning, Data(len(examples.examples), longest), device(job.plan.model))
    attend_fast(policy.model, longest)
    config = SFTConfig(
        **common_arguments(job, stage, size, facts),
        # An arm that stops by the clock needs more epochs than the clock allows.
        num_train_epochs=size.epochs if job.match_seconds is None else 100_000,
        max_length=None,
        packing=False,
    )
    watch = Watch(job, {"loss": "loss"})
    trainer = SFTTrainer(
        model=policy.model,
        args=config,
        train_dataset=Dataset.from_list(examples.examples),
        processing_class=policy.tokenizer,
        peft_config=None if tuning == "full" else lora_config(job.plan.model),
        callbacks=[watch],
    )
    return trainer, watch
