"""Which methods a plan's data and grader allow, and how each begins: the candidates of a pilot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graders.errors import UserError
from pipelines.data.rows import Row, Split
from pipelines.data.table import did_you_mean, listed
from pipelines.plan import Plan, Training

METHODS = ("sft", "rejection_sampling", "grpo", "ppo", "dpo", "kto")
"""From the simplest to what needs most care; each is a stage type."""
WARM_UP = "sft"


@dataclass(frozen=True, slots=True)
class Arm:
    """One candidate. name: of its first stage. settings: what the plan's own stage of this type says, if it has one.
    warm: it starts from the pilot's SFT model, else from the plan's model."""

    name: str
    method: str
    warm: bool
    settings: dict[str, Any] = field(default_factory=dict)


def arms(plan: Plan, split: Split, wanted: Sequence[str] = (), preferred: Sequence[Row] = ()) -> tuple[Arm, ...]:
    """All that is possible, or those of `wanted`. Raises UserError where one of those is not, and why.

    preferred: pairs or marked answers of a file of their own.
    """
    if unknown := [name for name in wanted if name not in METHODS]:
        hint = did_you_mean(unknown[0], METHODS)
        raise UserError(f"there is no method {unknown[0]!r} to try", f"some of {listed(METHODS)}", hint)
    lacks = {method: missing(method, plan, split, preferred) for method in METHODS}
    if impossible := [name for name in wanted if lacks[name]]:
        raise UserError(f"{impossible[0]} cannot be tried: {lacks[impossible[0]]}", "methods that the data allows")
    chosen = [method for method in METHODS if not lacks[method] and (not wanted or method in wanted)]
    if not chosen:
        told = "; ".join(f"{method}: {why}" for method, why in lacks.items())
        raise UserError(f"no method can be tried ({told})", "rows to learn from", "see finetune-advisor profile")
    warm = not lacks[WARM_UP] and any(stage.type == WARM_UP for stage in plan.stages)
    longer = [_arm("sft_longer", WARM_UP, plan, True)] if warm and WARM_UP in chosen and len(chosen) > 1 else []
    return (*(_arm(method, method, plan, warm and method != WARM_UP) for method in chosen), *longer)


def _arm(name: str, method: str, plan: Plan, warm: bool) -> Arm:
    own = next((stage for stage in plan.stages if stage.type == method and isinstance(stage, Training)), None)
    left = {"name", "type", "policy", "control", "same_time_as", "max_minutes", "gate"}
    return Arm(name, method, warm, own.model_dump(exclude_defaults=True, exclude=left) if own else {})


def missing(method: str, plan: Plan, split: Split, preferred: Sequence[Row] = ()) -> str:
    """Why the method is out; "" where it can be tried."""
    rows = split.train.rows
    if method == "sft":
        return "" if any(row.demonstration for row in rows) else "no row has an answer to imitate"
    if method == "dpo":
        return "" if any(row.is_pair for row in preferred or rows) else "no row has a chosen and a rejected answer"
    if method == "kto":
        return "" if any(row.is_marked for row in preferred or rows) else "no row has an answer marked good or bad"
    reward = plan.reward or plan.metric
    if reward not in plan.graders:
        return "no grader scores answers"
    judge = plan.graders[reward].type == "reward_model"
    return "its reward is a model that the plan trains first" if judge else ""
