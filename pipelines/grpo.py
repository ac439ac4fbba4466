"""Group-relative policy optimisation (Shao et al. 2024, arXiv 2402.03300) against the plan's reward grader.

In: a policy, training rows with something to grade against. Out: a policy. TRL's GRPOTrainer with its default loss
(DAPO's token-level one); batch arithmetic is solved here; rewards are the grader's scores.
"""

import json
from collections.abc import Mapping
from typing import Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from graders.errors import UserError
from pipelines import sizing
from pipelines.data.checked import load_checked
from pipelines.data.formats import prompt_examples
from pipelines.data.render import encode_prompt
from pipelines.data.rows import Rows
from pipelines.grader_rows import check_items
from pipelines.job import Job, Numbers
from pipelines.keep_best import KeepBest
from pipelines.models import Policy, lora_config, resolve_tuning
from pipelines.plan import GRPO
from pipelines.rewards import reward_function
from pipelines.sft import load_for_training
from pipelines.training import answer_limit, common_arguments, model_facts, process_count, room, train
from pipelines.watch import SPREADLESS, Watch

SHOWN = {
    "reward": "reward",
    SPREADLESS: "groups without spread",
    "completions/clipped_ratio": "truncated",
    "completions/mean_length": "tokens",
    "kl": "kl",
}


def run(job: Job) -> Numbers:
    """The stage function of `grpo`."""
    stage = job.config(GRPO)
    split = load_checked(job.plan.data, job.base)
    rows = split.train
    for note in check_items(job.plan.graders[job.plan.reward or job.plan.metric], rows.rows):
        job.progress.say(note)
    policy = load_for_training(job)
    new_tokens = stage.max_new_tokens or answer_limit(rows.rows, policy, job.plan.model.template_args)
    kept, longest = _fitting(rows, policy, job, new_tokens)
    best = KeepBest(job, policy, split.validation.rows, new_tokens)
    trainer, watch = _trainer(job, stage, policy, (kept, longest, new_tokens))
    trainer.add_callback(best)
    numbers = train(trainer, job, policy, watch, best)
    last = [log for log in trainer.state.log_history if log.get("reward") is not None]
    return {
        "prompts": len(kept.rows),
        "left_out_too_long": len(rows.rows) - len(kept.rows),
        "max_new_tokens": new_tokens,
        "first_reward": last[0]["reward"],
        "last_reward": last[-1]["reward"],
        "groups_without_spread": sum(log[SPREADLESS] for log in last) / len(last),
        **_note(job, watch, numbers["steps"]),
        **numbers,
    }


def _note(job: Job, watch: Watch, steps: int) -> Numbers:
    """Says so where the grader gave nothing to learn from: a result, not an error."""
    if not watch.gave_up and watch.idle_steps < steps:
        return {}
    happened = f"in the last {watch.idle_steps} of {steps} steps all judged answers to each prompt were worth the same"
    kept = "The model is as it was" if watch.idle_steps == steps else "The best weights so far were kept"
    text = f"{job.stage}: {happened}, so there was nothing to learn from. {kept}; samples.jsonl shows answers."
    job.progress.say(text)
    return {"note": text}


def _fitting(rows: Rows, policy: Policy, job: Job, new_tokens: int) -> tuple[Rows, int]:
    """Rows whose prompt leaves room for an answer, and the longest such prompt."""
    context = model_facts(policy).context
    lengths = [len(encode_prompt(policy.tokenizer, row.messages, job.plan.model.template_args)) for row in rows.rows]
    kept = [row for row, length in zip(rows.rows, lengths, strict=True) if length + new_tokens <= context]
    if not kept:
        raise UserError(
            f"no prompt leaves room for {new_tokens} tokens of answer in a context of {context}",
            fix="lower max_new_tokens",
        )
    return rows.only(kept), max(length for length in lengths if length + new_tokens <= context)


def _trainer(job: Job, stage: GRPO, policy: Policy, sized: tuple[Rows, int, int]) -> tuple[GRPOTrainer, Watch]:
    rows, longest, new_tokens = sized
    facts = model_facts(policy)
    tuning = resolve_tuning(job.plan.model, facts.num_parameters)
    prompts = stage.prompts_per_step or sizing.grpo_prompts_per_step(len(rows.rows))
    if prompts > len(rows.rows):
        raise UserError(
            f"prompts_per_step is {prompts}, but there are only {len(rows.rows)} prompts",
            "no more prompts a step than there are",
            "lower prompts_per_step, or leave it out",
        )
    rate = stage.learning_rate or sizing.learning_rate("rl", facts.hidden_size, tuning)
    completions = prompts * stage.group_size
    batch = sizing.split_batch(completions, process_count(), longest + new_tokens, facts, room())
    config = GRPOConfig(
        **common_arguments(job, stage, batch, rate, facts),
        max_steps=stage.steps or sizing.grpo_steps(len(rows.rows), prompts),
        num_generations=stage.group_size,
        generation_batch_size=completions,
        max_completion_length=new_tokens,
        temperature=stage.temperature,
        beta=stage.kl,
        chat_template_kwargs=job.plan.model.template_args,
    )
    every = config.num_iterations * config.steps_per_generation // config.gradient_accumulation_steps
    watch = Watch(job, SHOWN, max(1, every), stage.patience)
    grader = job.plan.graders[job.plan.reward or job.plan.metric]
    trainer = GRPOTrainer(
        model=policy.model,
        reward_funcs=reward_function(grader, rows.rows, _keep(job)),
        args=config,
        train_dataset=Dataset.from_list(prompt_examples(rows)),
        processing_class=policy.tokenizer,
        peft_config=None if tuning == "full" else lora_config(job.plan.model),
        callbacks=[watch],
    )
    return trainer, watch


def _keep(job: Job) -> Any:
    """Appends one graded completion a batch to samples.jsonl, so that a person can look while it trains."""

    def seen(sample: Mapping[str, Any]) -> None:
        with (job.folder / "samples.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(sample, ensure_ascii=False) + "\n")

    return seen
