"""Data, a model and a grader as a plan that can be probed: where `init` and `probe` have no plan yet."""

from pathlib import Path

from advisor.planner import GRADER, detected_columns
from advisor.profile import DataProfile
from graders.union import AnyGrader
from pipelines.data.spec import DataSpec
from pipelines.plan import ModelSpec, Plan, Probe
from pipelines.plan_file import LoadedPlan


def plan_to_probe(spec: DataSpec, profile: DataProfile, model: str, grader: AnyGrader, folder: Path) -> LoadedPlan:
    """As `init` would write it, so that what was measured for the one is known to the other. folder: of the plan."""
    plan = Plan(
        name="probe",
        model=ModelSpec(name=model),
        data=spec.model_copy(update={"columns": {**detected_columns(profile), **spec.columns}}),
        graders={GRADER: grader},
        metric=GRADER,
        stages=(Probe(type="probe", name="probe"),),
    )
    return LoadedPlan(plan, folder.resolve() / "plan.yaml")
