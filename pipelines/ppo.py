"""PPO with a value model against the plan's reward: ReFT (Luong et al. 2024, arXiv 2401.08967) when SFT comes before.

In: a policy, training rows with something to grade against. Out: a policy. An answer's score falls on its last token,
less kl × (log-probability minus the input policy's) on each; GAE with gamma 1, whitened advantages, ratio and values
clipped at 0.2. Differs from the paper: two answers a prompt, not one (TRL wants two); a value model of its own; losses
averaged over tokens; partial credit is the grader's (numeric: parsed_credit 0.1). An answer cut at the length limit is
graded as it stands. Where all answers of a batch are worth the same, only the values learn from it.
"""

import copy

from datasets import Dataset
from trl import GRPOConfig

from graders.base import Grader
from pipelines import proxy, sized, sizing
from pipelines.bell import Bell
from pipelines.data.checked import load_checked
from pipelines.data.formats import prompt_examples
from pipelines.data.rows import Rows
from pipelines.grader_rows import checked_grader
from pipelines.job import Job, Numbers
from pipelines.models import Policy, lora_config, resolve_tuning
from pipelines.online import SHOWN, course, fitting, logged_reward
from pipelines.plan import PPO
from pipelines.ppo_trainer import PPOTrainer
from pipelines.rollout import rollout_limit
from pipelines.sampling import Sampling
from pipelines.sft import load_for_training
from pipelines.sized import PPO_PER_PROMPT, Data
from pipelines.training import common_arguments, device, model_facts, train
from pipelines.value_model import ValueModel
from pipelines.watch import Watch


def run(job: Job) -> Numbers:
    """The stage function of `ppo`."""
    stage = job.config(PPO)
    split = load_checked(job.plan.data, job.base)
    grader = checked_grader(job, job.reward_name, split.train.rows)
    policy = load_for_training(job)
    new_tokens = stage.max_new_tokens or rollout_limit(split.train.rows, policy, job, stage.temperature)
    kept, longest = fitting(split.train, policy, job, new_tokens)
    best = proxy.watched(job, policy, grader, split.validation.rows, Sampling(new_tokens, stage.temperature))
    config = _config(job, stage, policy, (len(kept.rows), longest, new_tokens))
    trainer = _trainer(job, stage, policy, grader, kept, config)
    watch = Watch(job, SHOWN, stage.epochs_per_step)
    bell = Bell(job, watch, stage.stop_on)
    for callback in (watch, best, bell):
        trainer.add_callback(callback)
    numbers = train(trainer, job, policy, watch, best)
    values = [log["explained_variance"] for log in trainer.state.log_history if "explained_variance" in log]
    return {
        "prompts": len(kept.rows),
        "left_out_too_long": len(split.train.rows) - len(kept.rows),
        "max_new_tokens": new_tokens,
        **course(trainer.state.log_history),
        **proxy.course(job, trainer.state.log_history, best.rows, numbers["taken_from_step"]),
        **bell.outcome(numbers),
        **numbers,
        "explained_variance": values[-1],
        "value_learning_rate": sizing.value_rate(config.learning_rate),
        "value_model": trainer.value_fingerprint(),
    }


def _config(job: Job, stage: PPO, policy: Policy, given: tuple[int, int, int]) -> GRPOConfig:
    """given: how many prompts there are, tokens of the longest, tokens of an answer at most."""
    num_prompts, longest, new_tokens = given
    facts = model_facts(policy)
    tuning = resolve_tuning(job.plan.model, facts.num_parameters)
    size = sized.ppo(stage, facts, tuning, Data(num_prompts, longest + new_tokens), device(job.plan.model))
    return GRPOConfig(
        **common_arguments(job, stage, size, facts),
        max_steps=size.steps,
        num_generations=PPO_PER_PROMPT,
        generation_batch_size=size.per_step,
        num_iterations=stage.epochs_per_step,
        max_completion_length=new_tokens,
        temperature=stage.temperature,
        beta=0.0,
        disable_dropout=True,
        chat_template_kwargs=job.plan.model.template_args,
    )


def _trainer(job: Job, stage: PPO, policy: Policy, grader: Grader, rows: Rows, config: GRPOConfig) -> PPOTrainer:
    full = resolve_tuning(job.plan.model, policy.num_parameters) == "full"
    lora = None if full else lora_config(job.plan.model)
    # Both before the trainer is made, which patches and wraps the policy.
    reference = copy.deepcopy(policy.model) if full else None
    value = ValueModel(policy.model, lora, job.plan.seed)
    trainer = PPOTrainer(
        model=policy.model,
        reward_funcs=logged_reward(job, grader, rows),
        args=config,
        train_dataset=Dataset.from_list(prompt_examples(rows)),
        processing_class=policy.tokenizer,
        peft_config=lora,
    )
    trainer.equip(stage, value, sizing.value_rate(config.learning_rate), reference)
    return trainer
