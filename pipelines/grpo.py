"""Group-relative policy optimisation (Shao et al. 2024, arXiv 2402.03300) against the plan's reward grader.

In: a policy, training rows with something to grade against. Out: a policy. TRL's GRPOTrainer with the loss that the
plan names (grpo_losses.py) and prompts in the order of what they still teach (prompt_queue.py); batch arithmetic is
solved here; rewards are the grader's scores.
"""

import math

from datasets import Dataset
from trl import GRPOConfig

from graders.base import Grader
from pipelines import proxy, sized
from pipelines.bell import Bell
from pipelines.data.checked import load_checked
from pipelines.data.formats import prompt_examples
from pipelines.data.rows import Rows
from pipelines.grader_rows import checked_grader
from pipelines.grpo_losses import LOSSES
from pipelines.grpo_trainer import QueuedGRPOTrainer
from pipelines.job import Job, Numbers
from pipelines.models import Policy, lora_config, resolve_tuning
from pipelines.online import SHOWN, course, fitting, logged_reward
from pipelines.plan import GRPO
from pipelines.prompt_queue import PromptQueue
from pipelines.rollout import GAP, rollout_limit, sampling_arguments
from pipelines.sampling import Sampling
from pipelines.sft import load_for_training
from pipelines.sized import Data
from pipelines.training import common_arguments, device, model_facts, train
from pipelines.watch import Watch


def run(job: Job) -> Numbers:
    """The stage function of `grpo`."""
    stage = job.config(GRPO)
    split = load_checked(job.plan.data, job.base)
    rows = split.train
    grader = checked_grader(job, job.reward_name, rows.rows)
    policy = load_for_training(job)
    new_tokens = stage.max_new_tokens or rollout_limit(rows.rows, policy, job, stage.temperature)
    kept, longest = fitting(rows, policy, job, new_tokens)
    best = proxy.watched(job, policy, grader, split.validation.rows, Sampling(new_tokens, stage.temperature))
    trainer, watch = _trainer(job, stage, policy, grader, (kept, longest, new_tokens))
    bell = Bell(job, watch, stage.stop_on)
    trainer.add_callback(best)
    trainer.add_callback(bell)
    numbers = train(trainer, job, policy, watch, best)
    gaps = [log[GAP] for log in trainer.state.log_history if GAP in log]
    return {
        "prompts": len(kept.rows),
        "left_out_too_long": len(rows.rows) - len(kept.rows),
        "max_new_tokens": new_tokens,
        **course(trainer.state.log_history),
        **proxy.course(job, trainer.state.log_history, best.rows, numbers["taken_from_step"]),
        **({"gap_to_vllm": sum(gaps) / len(gaps)} if gaps else {}),
        **bell.outcome(numbers),
        **numbers,
    }


def _trainer(
    job: Job, stage: GRPO, policy: Policy, grader: Grader, given: tuple[Rows, int, int]
) -> tuple[QueuedGRPOTrainer, Watch]:
    rows, longest, new_tokens = given
    facts = model_facts(policy)
    tuning = resolve_tuning(job.plan.model, facts.num_parameters)
    size = sized.grpo(stage, facts, tuning, Data(len(rows.rows), longest + new_tokens), device(job.plan.model))
    updates = sized.updates_per_generation(stage)
    prompts = updates * size.per_step // stage.group_size  # of one round of sampling
    chosen = {
        **LOSSES[stage.loss].arguments,
        **sampling_arguments(stage, longest + new_tokens),
        **common_arguments(job, stage, size, facts),
    }
    config = GRPOConfig(
        **chosen,
        max_steps=size.steps,
        num_generations=stage.group_size,
        generation_batch_size=size.per_step * updates,
        max_completion_length=new_tokens,
        beta=stage.kl,
        chat_template_kwargs=job.plan.model.template_args,
    )
    repeats = config.num_iterations * config.steps_per_generation
    every = repeats // config.gradient_accumulation_steps  # updates from one generation to the next
    generations = math.ceil(config.max_steps / every)
    watch = Watch(job, SHOWN | {GAP: "gap to vllm"}, every)
    trainer = QueuedGRPOTrainer(
        PromptQueue(len(rows.rows), prompts, stage.group_size, repeats, generations, job.plan.seed),
        model=policy.model,
        reward_funcs=logged_reward(job, grader, rows, new_tokens if stage.overlong_penalty else None),
        args=config,
        train_dataset=Dataset.from_list(prompt_examples(rows)),
        processing_class=policy.tokenizer,
        peft_config=None if tuning == "full" else lora_config(job.plan.model),
        callbacks=[watch],
    )
    return trainer, watch
