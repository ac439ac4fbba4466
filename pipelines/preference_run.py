"""What DPO and KTO share beside pipelines/training.py: the run of a trainer with its callbacks, and how it went."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipelines import processes
from pipelines.alarms import RECENT
from pipelines.bell import Bell
from pipelines.data.checked import load_checked
from pipelines.data.rows import Split
from pipelines.drift import drift
from pipelines.job import Job, Numbers
from pipelines.keep_best import KeepBest, by_metric
from pipelines.memory import Tuning
from pipelines.models import Policy
from pipelines.plan import Training
from pipelines.preference_alarms import CHOSEN_CHANGE, MARGIN, PREFERENCE_ALARMS
from pipelines.training import answer_limit, train
from pipelines.watch import Watch

ACCURACY = "rewards/accuracies"
"""TRL's name for the share of pairs whose chosen answer gained more than its rejected one."""
SHOWN = {"loss": "loss", MARGIN: "margin", ACCURACY: "pairs right", CHOSEN_CHANGE: "chosen answers"}


def reference_of(policy: Policy, stage: Training, tuning: Tuning) -> Any:
    """A copy of the input policy; None where TRL keeps it: under the adapter, or as log-probabilities.

    Call it before the trainer is made, which patches and wraps the policy, and before memory is shared out.
    """
    kept_by_trl = tuning != "full" or stage.trainer.get("precompute_ref_log_probs") is True
    return None if kept_by_trl else copy.deepcopy(policy.model)


def learn(job: Job, policy: Policy, split: Split, trainer: Any, watch: Watch, stop_on: Sequence[str]) -> Numbers:
    """Trains and leaves the policy. split: what the trainer's rows are from.

    The weights kept are the best by the metric; the input policy's own count too. They are measured on the plan's own
    validation rows, but for preferences that people gave in an earlier stage.
    """
    held = load_checked(job.plan.data, job.base).validation.rows
    given_apart = job.rows is not None or job.plan.data.preferences is not None
    if given_apart and job.plan.metric not in job.plan.graders:
        held = split.validation.rows
    new_tokens = answer_limit(split.train.rows, policy, job.plan.model.template_args)
    best = KeepBest(job, by_metric(job, policy, held, new_tokens), "counts")
    bell = Bell(job, watch, stop_on, PREFERENCE_ALARMS)
    trainer.add_callback(best)
    trainer.add_callback(bell)
    numbers = train(trainer, job, policy, watch, best)
    tuned = replace(policy, model=trainer.accelerator.unwrap_model(trainer.model))
    whole = job.plan.sharding == "none"  # else no process could sample from it
    known = whole and (trainer.ref_model is not None or hasattr(tuned.model, "peft_config"))
    rows = held or split.train.rows
    moved = drift(job, tuned, trainer.ref_model, rows, new_tokens) if known and processes.is_first() else {}
    return {"beta": trainer.beta, **course(trainer.state.log_history), **moved, **bell.outcome(numbers), **numbers}


def course(log_history: Sequence[Mapping[str, Any]]) -> Numbers:
    """How it went: the mean of the last steps, on the rows trained on, and the margin before the first."""
    found: dict[str, float] = {}
    for key, name in ((MARGIN, "margin"), (ACCURACY, "accuracy"), (CHOSEN_CHANGE, "chosen_change")):
        values = [float(entry[key]) for entry in log_history if entry.get(key) is not None]
        last = values[-RECENT:]
        found |= {f"last_{name}": sum(last) / len(last)} if last else {}
        found |= {"first_margin": values[0]} if values and key == MARGIN else {}
    return found
