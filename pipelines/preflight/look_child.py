"""A plan's model without its weights: python /…/pipelines/preflight/look_child.py REQUEST ANSWER

REQUEST: {"plan", "base", "with_rows"}. ANSWER: a Look (look.py). The sizes are those that the stages will compute
themselves, but for what only a loaded model can tell: how long its own answers are.
"""

import sys
from pathlib import Path
from typing import Any


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Raises UserError where there is no model to look at."""
    from pipelines.data.checked import load_checked
    from pipelines.models import LORA_RANK, policy_shape, shape_of
    from pipelines.plan import Plan
    from pipelines.preflight import device, model_files, stage_looks, template
    from pipelines.preflight.look import Look
    from pipelines.sources import locate

    base = Path(request["base"])
    plan = Plan.model_validate(request["plan"], context={"folder": base})
    where = locate(plan.model, base)
    split = load_checked(plan.data, base)
    policy = policy_shape(where, plan.model)
    lines = [model_files.line(where, policy), *template.lines(plan, policy, split)]
    found = [stage_looks.looked_at(plan, stage, base, (policy, split), request["with_rows"]) for stage in plan.stages]
    return Look(
        lines=(*lines, *(line for one in found for line in one.lines)),
        stages=tuple(one.stage for one in found if one.stage is not None),
        parameters=policy.num_parameters,
        trained_by_lora=(plan.model.lora_rank or LORA_RANK) * shape_of(policy.model).lora_units,
        **device.facts(),
    ).model_dump(mode="json")


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from pipelines.preflight.children import answer_with

    sys.exit(answer_with(main))
