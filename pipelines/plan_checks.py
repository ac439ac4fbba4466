"""Faults between the fields of a plan that are each well-formed: names that nothing bears, gates that let all pass,
keys of `trainer:` that TRL does not know. In: a Plan. Out: (where, message) of each fault.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from graders.errors import nearest
from graders.reward_model import stages_of
from pipelines.plan import (
    METRICS_WITHOUT_GRADER,
    OWN_MODEL,
    PPO,
    Evaluate,
    Gate,
    Label,
    Plan,
    Stage,
    Training,
    served_by,
)
from pipelines.stages import STAGES, graders_of
from pipelines.trl_keys import TABLE, owner

_TELL_KL = ("grpo", "ppo", "dpo", "kto")
"""Stages whose record has the KL to what they started from."""
_LEFT = {"policy": "a model", "rows": "answers of people", "reward_model": "a reward model"}


def inconsistent(plan: Plan) -> list[tuple[tuple[str | int, ...], str]]:
    """Faults between fields: (where, message)."""
    faults = [*_grader_names(plan), *_preference_faults(plan), *_sharding_faults(plan)]
    seen: dict[str, Stage] = {}
    for place, stage in enumerate(plan.stages):
        where = ("stages", place)
        if stage.name in seen:
            faults.append(((*where, "name"), f"two stages are called `{stage.name}`"))
        faults += [((*where, field), message) for field, message in _stage_links(stage, seen)]
        faults += [((*where, "reward"), message) for message in _reward_faults(plan, stage, seen)]
        faults += [((*where, field), message) for field, message in _served_faults(plan, stage)]
        if isinstance(stage, Evaluate) and stage.gate:
            faults += [((*where, "gate", *key), message) for key, message in _gate_faults(plan, stage.gate, seen)]
        if isinstance(stage, Training):
            faults += [((*where, "trainer", key), message) for key, message in _trainer_keys(stage)]
        seen[stage.name] = stage
    return faults


def _sharding_faults(plan: Plan) -> list[tuple[tuple[str | int, ...], str]]:
    if plan.sharding == "none":
        return []
    faults: list[tuple[tuple[str | int, ...], str]] = []
    if plan.model.tuning == "qlora":
        faults.append((("sharding",), "weights of 4 bits are not shared out: `tuning: lora`, or `sharding: none`"))
    for stage in plan.stages:
        if isinstance(stage, PPO):
            happened = f"stage `{stage.name}`: ppo does not train under {plan.sharding}"
            why = "its value model is not shared out: `sharding: none`, or grpo, which has no value model"
            faults.append((("sharding",), f"{happened}, for {why}"))
    return faults


def _grader_names(plan: Plan) -> list[tuple[tuple[str | int, ...], str]]:
    known = [*plan.graders, *METRICS_WITHOUT_GRADER]
    faults: list[tuple[tuple[str | int, ...], str]] = []
    if plan.metric not in known:
        message = f"no grader is called `{plan.metric}`{did_you_mean(plan.metric, known)} (known: {', '.join(known)})"
        faults.append((("metric",), message))
    if plan.reward is not None and plan.reward not in plan.graders:
        hint = did_you_mean(plan.reward, plan.graders)
        faults.append((("reward",), f"no grader is called `{plan.reward}`{hint}"))
    kept = plan.evaluation.regression_metric
    if kept is not None and kept not in plan.graders:
        hint = did_you_mean(kept, plan.graders)
        faults.append((("evaluation", "regression_metric"), f"no grader is called `{kept}`{hint}"))
    needs = [
        stage.name for stage in plan.stages if plan.reward_of(stage) in METRICS_WITHOUT_GRADER and _rewarded(stage)
    ]
    if needs:
        faults.append((("metric",), f"stage `{needs[0]}` needs a grader as `reward` or `metric`"))
    return faults


def _preference_faults(plan: Plan) -> list[tuple[tuple[str | int, ...], str]]:
    """Two sources of preferences."""
    if plan.data.preferences is None:
        return []
    where = ("data", "preferences")
    if any(isinstance(stage, Label) for stage in plan.stages):
        return [(where, "a stage of type `label` collects preferences already: keep that stage or this file")]
    return []


def _rewarded(stage: Stage) -> bool:
    """Whether it goes by a reward at all."""
    ranks = isinstance(stage, Evaluate) and stage.best_of > 1
    return ranks or STAGES[stage.type].graders in ("reward", "both")


def _reward_faults(plan: Plan, stage: Stage, seen: Mapping[str, Stage]) -> list[str]:
    """A reward that is no grader, that comes from a stage that does not come before, or that judges its own pupil."""
    if isinstance(stage, Evaluate) and stage.best_of > 1 and plan.metric in METRICS_WITHOUT_GRADER:
        return [f"`best_of` samples answers, and the metric `{plan.metric}` looks at none: it needs a grader as metric"]
    named = getattr(stage, "reward", None)
    if named is not None and named not in plan.graders:
        return [f"no grader is called `{named}`{did_you_mean(named, plan.graders)}"]
    left = [name for name, earlier in seen.items() if STAGES[earlier.type].leaves == "reward_model"]
    graders = [plan.graders[name] for name in graders_of(plan, stage) if name in plan.graders]
    missing = [name for name in stages_of([grader.model_dump() for grader in graders]) if name not in left]
    if missing:
        hint = did_you_mean(missing[0], left)
        return [f"`{missing[0]}` is no earlier stage that leaves a reward model, nor a folder (./…) or hub id{hint}"]
    if STAGES[stage.type].graders == "both" and plan.metric in plan.graders:
        judges = stages_of(plan.graders[plan.metric].model_dump())
        reward = plan.graders.get(plan.reward_of(stage))
        if both := set(judges) & set(stages_of(reward.model_dump() if reward else {})):
            return [
                f"the metric goes by the reward model `{min(both)}` that trains this stage: what it is fooled by, the "
                "metric would call a gain; name another metric, or a reward model of other pairs"
            ]
    return []


def _stage_links(stage: Stage, seen: Mapping[str, Stage]) -> list[tuple[str, str]]:
    faults: list[tuple[str, str]] = []
    for kind in STAGES[stage.type].reads:
        named = getattr(stage, kind, None)
        left = [name for name, earlier in seen.items() if STAGES[earlier.type].leaves == kind]
        own = kind == "policy" and named == OWN_MODEL
        if named is not None and named not in left and not own:
            faults.append((kind, f"`{named}` is no earlier stage that leaves {_LEFT[kind]}{did_you_mean(named, left)}"))
    trained = [name for name, earlier in seen.items() if isinstance(earlier, Training)]
    if isinstance(stage, Training) and stage.same_time_as is not None and stage.same_time_as not in trained:
        faults.append(("same_time_as", f"`{stage.same_time_as}` is no earlier training stage"))
    if isinstance(stage, Label) and stage.at_least > stage.most_pairs:
        message = f"{stage.prompts} prompts with {stage.completions} completions make {stage.most_pairs} pairs at most"
        faults.append(("at_least", message))
    return faults


def _served_faults(plan: Plan, stage: Stage) -> list[tuple[str, str]]:
    """A served model gives text alone: no likelihoods, and not how many tokens a text would be."""
    if getattr(stage, "served", None) is None:
        return []
    faults = []
    if served_by(stage) and getattr(stage, "policy", None) is not None:
        faults.append(("policy", "a stage asks the model of `policy` or the one that is `served`, not both"))
    if isinstance(stage, Evaluate) and plan.metric in METRICS_WITHOUT_GRADER:
        faults.append(("served", f"the metric `{plan.metric}` needs the model itself, and a server gives text alone"))
    limit = plan.evaluation if isinstance(stage, Evaluate) else stage
    if getattr(limit, "max_new_tokens", None) is None:
        key = "evaluation.max_new_tokens" if isinstance(stage, Evaluate) else "max_new_tokens"
        faults.append(("served", f"name `{key}`: how many tokens an answer takes is not known of a served model"))
    return faults


def _gate_faults(plan: Plan, gate: Gate, earlier: Mapping[str, Stage]) -> list[tuple[tuple[str, ...], str]]:
    """Bounds that nothing can be compared with."""
    if not gate.bounds:
        possible = ", ".join(f"`{name}`" for name in Gate.model_fields if name.startswith(("min_", "max_")))
        return [((), f"this gate lets everything pass: name one of {possible}")]
    faults: list[tuple[tuple[str, ...], str]] = []
    for name in ("min_gain", "max_drop"):
        if getattr(gate, name) is not None and not _base_known(earlier):
            faults.append(((name,), f"`{name}` needs an earlier `evaluate` of the plan's own model to compare with"))
    if gate.max_regression is not None and plan.evaluation.regression is None:
        faults.append((("max_regression",), "`max_regression` needs `evaluation.regression`, a file of rows to keep"))
    elif gate.max_regression is not None and not _base_known(earlier):
        faults.append((("max_regression",), "`max_regression` needs an earlier `evaluate` of the plan's own model"))
    if gate.max_kl is not None and not any(stage.type in _TELL_KL for stage in earlier.values()):
        faults.append((("max_kl",), f"no earlier stage reports a KL ({', '.join(_TELL_KL)} do)"))
    if plan.metric in METRICS_WITHOUT_GRADER:
        sampled = [name for name in ("max_truncated", "max_regression", "max_kl") if getattr(gate, name) is not None]
        faults += [
            ((name,), f"the metric `{plan.metric}` looks at no answers, so `{name}` means nothing") for name in sampled
        ]
    return faults


def _base_known(earlier: Mapping[str, Stage]) -> bool:
    """Whether one of these stages evaluates the plan's own model."""
    for stage in earlier.values():
        if isinstance(stage, Evaluate) and stage.policy is None and stage.served is None:
            return True
        if isinstance(stage, Training) and not stage.control:
            return False
    return False


@cache
def _trl_table() -> dict[str, dict[str, list[str]]]:
    table: dict[str, dict[str, list[str]]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def _trainer_keys(stage: Any) -> list[tuple[str, str]]:
    """What is wrong with `trainer:` of a stage: keys TRL does not know, keys we own, values of a wrong type."""
    known = _trl_table()[stage.type]
    faults = []
    for key, value in stage.trainer.items():
        if (ours := owner(key, stage.type)) is not None:
            faults.append((key, f"`{key}` is set by {ours}"))
        elif key not in known:
            faults.append((key, f"TRL has no `{key}` for {stage.type}{did_you_mean(key, known)}"))
        elif known[key] and _json_type(value) not in _accepted(known[key]):
            faults.append((key, f"`{key}` takes {' or '.join(known[key])}, not {value!r}"))
    return faults


def _accepted(names: list[str]) -> list[str]:
    return [*names, "int"] if "float" in names else names


def _json_type(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint to append to a message, or "" where nothing is near."""
    near = nearest(word, known)
    return f"; did you mean `{near}`?" if near else ""
