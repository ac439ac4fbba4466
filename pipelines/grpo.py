"""Group-relative policy optimisation (Shao et al. 2024, arXiv 2402.03300) against the plan's reward grader.

In: a policy, training rows with something to grade against. Out: a policy. TRL's GRPOTrainer with its default loss
(DAPO's token-level one); batch arithmetic is solved here; rewards are the grader's scores.
"""

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from pipelines import sizing
from pipelines.data.checked import load_checked
from pipelines.data.formats import prompt_examples
from pipelines.data.rows import Rows
from pipelines.job import Job, Numbers
from pipelines.keep_best import KeepBest
from pipelines.models import Policy, lora_config, resolve_tuning
from pipelines.online import SHOWN, course, fitting, note, plan_reward, prompts_per_step
from pipelines.plan import GRPO
from pipelines.sft import load_for_training
from pipelines.training import answer_limit, common_arguments, model_facts, process_count, room, train
from pipelines.watch import Watch


def run(job: Job) -> Numbers:
    """The stage function of `grpo`."""
    stage = job.config(GRPO)
    split = load_checked(job.plan.data, job.base)
    rows = split.train
    policy = load_for_training(job)
    new_tokens = stage.max_new_tokens or answer_limit(rows.rows, policy, job.plan.model.template_args)
    kept, longest = fitting(rows, policy, job, new_tokens)
    best = KeepBest(job, policy, split.validation.rows, new_tokens)
    trainer, watch = _trainer(job, stage, policy, (kept, longest, new_tokens))
    trainer.add_callback(best)
    numbers = train(trainer, job, policy, watch, best)
    return {
        "prompts": len(kept.rows),
        "left_out_too_long": len(rows.rows) - len(kept.rows),
        "max_new_tokens": new_tokens,
        **course(trainer.state.log_history),
        **note(job, watch, numbers["steps"]),
        **numbers,
    }


def _trainer(job: Job, stage: GRPO, policy: Policy, sized: tuple[Rows, int, int]) -> tuple[GRPOTrainer, Watch]:
    rows, longest, new_tokens = sized
    facts = model_facts(policy)
    tuning = resolve_tuning(job.plan.model, facts.num_parameters)
    prompts = prompts_per_step(stage.prompts_per_step, sizing.grpo_prompts_per_step(len(rows.rows)), len(rows.rows))
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
    trainer = GRPOTrainer(
        model=policy.model,
        reward_funcs=plan_reward(job, rows),
        args=config,
        train_dataset=Dataset.from_list(prompt_examples(rows)),
        processing_class=policy.tokenizer,
        peft_config=None if tuning == "full" else lora_config(job.plan.model),
        callbacks=[watch],
    )
    return trainer, watch
