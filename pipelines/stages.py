"""The stage table: for each type in a plan, what it reads, what it leaves, and the function that does it.

A method is one file, its model in plan.py and one line here.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.job import Job, Numbers
from pipelines.plan import Evaluate, Label, Plan, Stage

Kind = Literal["policy", "reward_model", "rows", "numbers"]


@dataclass(frozen=True, slots=True)
class StageType:
    """module: where `run(job) -> Numbers` stands; imported only in the worker, since it imports torch.

    graders: whose change makes it run again. Training keeps the weights that did best by the metric.
    """

    module: str
    reads: tuple[Kind, ...]
    leaves: Kind
    graders: Literal["none", "metric", "reward", "both"]

    def function(self) -> Callable[[Job], Numbers]:
        run: Callable[[Job], Numbers] = importlib.import_module(self.module).run
        return run


def graders_of(plan: Plan, stage: Stage) -> list[str]:
    """The names of the graders that decide what a stage leaves."""
    uses = STAGES[stage.type].graders
    ranks = (isinstance(stage, Evaluate) and stage.best_of > 1) or (isinstance(stage, Label) and stage.reward)
    metric = [plan.metric] if uses in ("metric", "both") else []
    kept = plan.evaluation.regression_metric if isinstance(stage, Evaluate) else None
    metric += [kept] if kept else []
    return [*metric, *([plan.reward_of(stage)] if uses in ("reward", "both") or ranks else [])]


STAGES: Mapping[str, StageType] = {
    "evaluate": StageType("pipelines.evaluate", ("policy",), "numbers", "metric"),
    "probe": StageType("pipelines.probe", ("policy",), "numbers", "reward"),
    "label": StageType("pipelines.label", ("policy",), "rows", "none"),
    "sft": StageType("pipelines.sft", ("policy",), "policy", "metric"),
    "rejection_sampling": StageType("pipelines.rejection_sampling", ("policy",), "policy", "both"),
    "grpo": StageType("pipelines.grpo", ("policy",), "policy", "both"),
    "reward_model": StageType("pipelines.reward_model", ("policy", "rows"), "reward_model", "none"),
    "ppo": StageType("pipelines.ppo", ("policy",), "policy", "both"),
    "dpo": StageType("pipelines.dpo", ("policy", "rows"), "policy", "metric"),
    "kto": StageType("pipelines.kto", ("policy", "rows"), "policy", "metric"),
}
