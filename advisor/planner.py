"""Decision, profile and answers → Plan. Pure; `advisor/plan_text.py` writes it with its reasons as comments."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import yaml

from advisor.answers import Answer
from advisor.checks import NONE
from advisor.cost import Costed
from advisor.decide import Decision, pipeline
from advisor.profile import DataProfile
from graders.errors import UserError
from graders.union import AnyGrader, parse_grader
from pipelines.data.rows import Role
from pipelines.data.spec import DataSpec
from pipelines.plan import OWN_MODEL, DecisionRecord, Plan

SKEWED = 5.0
"""From this many times as many rows of the commonest label as of the rarest, rare labels are up-weighted. OpenAI's RFT
guide and Fireworks ask for balance; Fireworks flags 50:1, which leaves the rare labels of smaller sets unlearned."""
GRADER = "answer"
PREFERENCES = frozenset({"dpo", "kto", "reward_model", "ppo", "best_of_n"})
"""Methods that learn from, or choose by, what people prefer."""
JUDGE = "rm"
"""The grader's name that scores with the plan's reward model."""
TRAINS_THE_MODEL = ("sft", "rejection_sampling", "grpo", "reft", "ppo", "dpo", "kto")
STAGE_TYPES = {"reft": "ppo"}
"""ReFT is PPO on the grader."""
MADE_WORSE = "sft_made_it_worse"
"""The edge that says what to do then."""
NEEDS_SIGNAL = ("grpo", "reft")
"""Methods that learn only from prompts whose answers differ in score."""


def make_plan(
    decision: Decision,
    profile: DataProfile,
    answers: Mapping[str, Answer],
    spec: DataSpec,
    costs: Sequence[Costed] = (),
) -> Plan:
    """The plan for an advice that trains something. spec: the data as the user named it."""
    preferred = PREFERENCES.intersection(decision.stages)
    if preferred and not (profile.num_pairs or profile.num_thumbs):
        raise UserError(
            f"the advice is {pipeline(decision.outcome, decision.stages)}, but {profile.source} holds no preferences",
            "columns such as chosen and rejected",
            "name the file that has the pairs with --preferences, or with --data",
        )
    grader = chosen_grader(decision, profile, answers)
    measured = {GRADER: grader} if grader else {}
    judge = {JUDGE: {"type": "reward_model", "model": "reward_model"}} if "reward_model" in decision.stages else {}
    fields: dict[str, Any] = {
        "name": answers["name"].value,
        "decision": record(decision, costs),
        "model": {"name": answers["model"].value},
        "data": _data(decision, profile, spec),
        "graders": measured | judge,
        "metric": GRADER if grader else "preference" if preferred else "likelihood",
        "stages": _stages(
            decision, answers["control"].value is True, answers["rl_gate"].value is True, grader is not None
        ),
    }
    return Plan.model_validate(fields)


def chosen_grader(decision: Decision, profile: DataProfile, answers: Mapping[str, Answer]) -> AnyGrader | None:
    """The grader that was told, else the one that fits; None where nothing can grade."""
    if not decision.facts.gradable:
        return None
    return named_grader(str(answers["grader"].value), profile)


def named_grader(name: str, profile: DataProfile) -> AnyGrader | None:
    """The grader of an answer to the question `grader`: a type, with what was read from the data, or a mapping."""
    if name.startswith("{"):
        return parse_grader(yaml.safe_load(name))
    if profile.fit is not None and profile.fit.grader.type == name:
        return profile.fit.grader
    return None if name == NONE else parse_grader({"type": name})


def record(decision: Decision, costs: Sequence[Costed] = ()) -> DecisionRecord:
    """The decision as the plan keeps it. Of the costs only the tokens: hours are a machine's, a plan goes to many."""
    runner_up = decision.runner_up
    return DecisionRecord(
        outcome=decision.outcome,
        advice=pipeline(decision.outcome, decision.stages),
        because=decision.because,
        sources=decision.sources,
        runner_up=f"{pipeline(runner_up.outcome, runner_up.stages)}: {runner_up.reason}" if runner_up else None,
        would_change=decision.would_change,
        edges=tuple(f"if {edge.found}: {edge.then}" for edge in decision.edges),
        costs=tuple(costed.tokens for costed in costs),
    )


def _data(decision: Decision, profile: DataProfile, spec: DataSpec) -> DataSpec:
    """The data as named, with the detected columns written out: detection may get better, a plan must not move."""
    columns = {**detected_columns(profile), **spec.columns}
    if "sft" in decision.stages and profile.num_completions == 0 and (reference := reference_column(profile)):
        columns["completion"] = reference
    skewed = profile.answers.skew >= SKEWED and "sft" in decision.stages
    learned = spec.preferences if PREFERENCES.intersection(decision.stages) else None
    worked = "worked" if decision.facts.imitates_worked else spec.demonstrations
    balance = "label" if skewed else spec.balance
    told = {"columns": columns, "balance": balance, "preferences": learned, "demonstrations": worked}
    return spec.model_copy(update=told)


def reference_column(profile: DataProfile) -> str | None:
    """The one column that holds the reference; None where there is none, or several columns make it up."""
    column = profile.roles.get("reference")
    return None if column is None or "," in column else column


def detected_columns(profile: DataProfile) -> dict[Role, str]:
    """The roles as columns; none where a role is no plain column of its own, such as a turn of a conversation."""
    roles = dict(profile.roles)
    roles = {role: column for role, column in roles.items() if column != "template"}
    plain = len(set(roles.values())) == len(roles) and all("," not in column for column in roles.values())
    known = set(get_args(Role))
    if not plain or "messages" in roles or not known.issuperset(roles):
        return {}
    return {role: roles[role] for role in get_args(Role) if role in roles}


def _worse_gate(decision: Decision, method: str) -> dict[str, object]:
    """Nothing is trained on from a model that surely got worse."""
    instead = next((edge.then for edge in decision.edges if edge.id == MADE_WORSE and method in edge.methods), None)
    return {"gate": {"max_drop": 0.0, "over": "previous"} | ({"instead": instead} if instead else {})}


def _stages(decision: Decision, control: bool, rl_gate: bool, graded: bool) -> list[dict[str, object]]:
    """The base model's evaluation, then each training stage with its own, RL after a probe if wanted; last the control
    arm, if wanted. graded: whether a grader can measure which of several answers is best."""
    methods = [method for method in decision.stages if method in TRAINS_THE_MODEL]
    stages: list[dict[str, object]] = [{"type": "evaluate", "name": "base"}]
    for method in decision.stages:
        if method == "reward_model":
            stages.append({"type": method, "name": method})
        elif method == "best_of_n" and graded:
            stages.append({"type": "evaluate", "name": "best_of_8", "best_of": 8, "reward": JUDGE})
        if method not in TRAINS_THE_MODEL:
            continue
        if rl_gate and method in NEEDS_SIGNAL:
            stages.append({"type": "probe", "name": "probe", "stop_early": True, "gate": True})
        more = {"ppo": {"reward": JUDGE}, "rejection_sampling": {"demonstrations": "unsolved"}}.get(method, {})
        gated = rl_gate and graded and method != methods[-1]
        stages += [
            {"type": STAGE_TYPES.get(method, method), "name": method, **more},
            {"type": "evaluate", "name": f"after_{method}", **(_worse_gate(decision, method) if gated else {})},
        ]
    return stages + (_control(decision, methods) if control else [])


def _control(decision: Decision, methods: Sequence[str]) -> list[dict[str, object]]:
    """SFT for as long as what is advised takes: after the SFT of the advice, or in its place."""
    further = methods[:1] == ["sft"]
    others = methods[1:] if further else methods
    if not decision.facts.imitable or not others:
        return []
    name, policy = ("sft_longer", "sft") if further else ("sft_instead", OWN_MODEL)
    arm = {"type": "sft", "name": name, "policy": policy, "control": True, "same_time_as": others[-1]}
    return [arm, {"type": "evaluate", "name": f"after_{name}", "policy": name}]
