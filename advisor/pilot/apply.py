"""A pilot's result → the plan with the chosen method, and the evidence in its record."""

from advisor.pilot.arms import WARM_UP
from advisor.pilot.result import ArmResult, PilotResult
from advisor.plan_text import commented, plan_fields, yaml_text
from graders.errors import UserError
from pipelines.plan import DecisionRecord, Plan
from pipelines.plan_file import LoadedPlan

_FAMILY = {"sft": "sft", "dpo": "rlhf", "kto": "rlhf"}


def applied(loaded: LoadedPlan, result: PilotResult) -> Plan:
    """The plan as the pilot advises it; other settings stay. Raises UserError where no method is shown to help."""
    if not result.chosen:
        raise UserError(
            "the pilot shows no method that beats the model as it is, so no plan follows from it",
            "a method with a gain whose interval is above zero",
            "more validation rows show smaller gains; a longer pilot (--minutes) trains further",
        )
    best = result.arms[0]
    methods = _methods(loaded.plan, best)
    own = {stage.type: stage for stage in reversed(loaded.plan.stages)}
    stages: list[dict[str, object]] = [{"type": "evaluate", "name": "base"}]
    for method in methods:
        kept = own[method].model_dump(mode="json", exclude_defaults=True) if method in own else {}
        kept = {key: value for key, value in kept.items() if key not in {"policy", "control", "same_time_as"}}
        stages += [{**kept, "type": method, "name": method}, {"type": "evaluate", "name": f"after_{method}"}]
    record = _record(loaded.plan, result, methods)
    body = loaded.plan.model_dump(mode="json", exclude={"stages", "decision"})
    return Plan.model_validate({**body, "stages": stages, "decision": record.model_dump(mode="json")})


def _methods(plan: Plan, best: ArmResult) -> list[str]:
    warm = any(stage.type == WARM_UP for stage in plan.stages)
    return [WARM_UP, best.method] if warm and best.method != WARM_UP else [best.method]


def _record(plan: Plan, result: PilotResult, methods: list[str]) -> DecisionRecord:
    before = plan.decision
    second = next((arm for arm in result.arms[1:] if arm.method != result.arms[0].method), None)
    told = None if second is None else f"{second.name}: {second.score:.1%} in the pilot"
    return DecisionRecord.model_validate(
        {
            "outcome": _FAMILY.get(methods[-1], "rft"),
            "advice": " → ".join("reft" if method == "ppo" else method for method in methods),
            "because": (*result.evidence, *(before.because if before else ())),
            "sources": before.sources if before else (),
            "runner_up": told,
            "would_change": before.would_change if before else (),
            "edges": before.edges if before else (),
        }
    )


def text_of(plan: Plan, result: PilotResult) -> str:
    """plan.yaml, headed by the evidence."""
    parts = [commented([*result.evidence, "`finetune-advisor run` follows this file; change what you like."])]
    return "".join([*parts, *(yaml_text({key: value}) for key, value in plan_fields(plan).items())])
