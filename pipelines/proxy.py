"""RL on a stand-in for the metric, such as a reward model: where reward, metric and KL stand while it trains.

In: the policy while it trains, validation rows. Out: a score by the metric for each row, half of it the greedy
answer's, by which the verdict goes, and half that of answers drawn as training draws them; beside it the mean reward of
the drawn answers and their KL to the input policy. Past a peak such a reward goes on rising with the KL while what is
meant falls (Gao et al. 2023, arXiv 2210.10760); greedy and drawn answers may fall one without the other. Where the
reward is the metric itself nothing of this is needed.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from graders.base import Grader
from pipelines import processes
from pipelines.alarms import HELD_REWARD
from pipelines.data.render import encode_prompt
from pipelines.data.rows import Row
from pipelines.drift import log_ratios
from pipelines.evals.course import PLOT, draw_course
from pipelines.job import Job, Numbers, Progress
from pipelines.keep_best import MOST_ROWS, KeepBest, Measured, by_metric
from pipelines.models import LORA_OVER_PARAMETERS, Policy, computes_in_bf16, resolve_tuning
from pipelines.rewards import sample_of
from pipelines.sampling import Sampling, completion, sample_tokens

HELD_KL, HELD_DRAWN, HELD_GREEDY = "validation_kl", "validation_drawn", "validation_greedy"
"""In the log: nats an answer, to the model that the stage started from; the metric of drawn and of greedy answers."""
MEASURED = {"kl": HELD_KL, "reward": HELD_REWARD, "drawn": HELD_DRAWN, "greedy": HELD_GREEDY}
"""A course's name for it → the log's."""
PER_ROW = 2
"""Answers that are drawn to each validation row: with 200 rows a mean is known to some 5 points."""


def watched(job: Job, policy: Policy, reward: Grader, rows: Sequence[Row], sampling: Sampling) -> KeepBest:
    """Keeps the weights that do best on these validation rows.

    sampling: the length and the temperature of training. Call it before the trainer is made, which wraps the policy.
    """
    greedy = by_metric(job, policy, rows, sampling.max_new_tokens)
    metric = job.plan.graders.get(job.plan.metric)
    if greedy is None or metric is None or job.reward_name == job.plan.metric:
        return KeepBest(job, greedy, "counts")
    held = list(rows[:MOST_ROWS])
    reference = _reference(job, policy)
    settings = replace(sampling, num_samples=PER_ROW, seed=job.plan.seed)
    args, silent = job.plan.model.template_args, Progress(Path("/dev/null"))
    prompts = [row.messages for row in held]
    asked = [encode_prompt(policy.tokenizer, prompt, args) for prompt in prompts for _ in range(PER_ROW)]

    def measure(model: Any) -> Measured:
        now = replace(policy, model=model)
        drawn = [ids for some in sample_tokens(now, prompts, settings, args, silent) for ids in some]
        samples = [sample_of(held[place // PER_ROW], completion(policy, ids)) for place, ids in enumerate(drawn)]
        scores = [grade.score for grade in metric.grade_all(samples)]
        rewards = [reward.reward(grade) for grade in reward.grade_all(samples)]
        by_row = [_mean(scores[start : start + PER_ROW]) for start in range(0, len(scores), PER_ROW)]
        surest = greedy(model)
        kl = _mean(_ratios(now, reference, asked, drawn))
        beside = {
            HELD_REWARD: _mean(rewards),
            HELD_DRAWN: _mean(scores),
            HELD_GREEDY: _mean(surest.scores),
            HELD_KL: kl,
        }
        known = {name: value for name, value in beside.items() if value is not None}
        return Measured([_mean(both) for both in zip(surest.scores, by_row, strict=True)], surest.reason, known)

    return KeepBest(job, measure, "counts", often=True)


def course(job: Job, log_history: Sequence[Mapping[str, Any]], rows: int, taken_from_step: int) -> Numbers:
    """{"course": as pipelines/evals/course.py has it}, and its plot in the stage's folder; {} where none was made."""
    points = [
        {"step": entry["step"], **{name: entry[key] for name, key in MEASURED.items()}}
        for entry in log_history
        if all(key in entry for key in MEASURED.values())
    ]
    if not points:
        return {}
    names = {"reward": job.reward_name, "metric": job.plan.metric}
    found = {**names, "answers": PER_ROW, "rows": rows, "kept": taken_from_step, "points": points}
    if processes.is_first():
        draw_course(found, job.folder / PLOT)
    return {"course": found}


def _reference(job: Job, policy: Policy) -> Any:
    """A copy of the input policy; None where turning the adapter off gives it, or where a copy would be too large."""
    if resolve_tuning(job.plan.model, policy.num_parameters) != "full" or policy.num_parameters > LORA_OVER_PARAMETERS:
        return None
    return copy.deepcopy(policy.model)


def _ratios(policy: Policy, reference: Any, prompts: list[list[int]], answers: list[list[int]]) -> list[float]:
    """In the precision of training, which the trainer gave the policy, so that the KL starts at zero. [] where there is
    nothing to compare with."""
    import torch

    if reference is None and not hasattr(policy.model, "disable_adapter"):
        return []
    with torch.autocast(policy.model.device.type, torch.bfloat16, enabled=computes_in_bf16()):
        return log_ratios(policy, reference, prompts, answers)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
