"""Data, a model and a grader as a plan that can be probed: where `init` and `probe` have no plan yet; and how long that
takes at most."""

from pathlib import Path
from typing import get_args

from advisor.checks import STARTER
from advisor.cost import answer_tokens, model_size
from advisor.hardware import speed
from advisor.planner import GRADER, detected_columns, named_grader
from advisor.profile import DataProfile
from graders.union import AnyGrader
from pipelines.data.spec import DataSpec
from pipelines.evals.compare import FEWEST_PROMPTS
from pipelines.evals.trials import one_by_one
from pipelines.plan import ModelSpec, Plan, Probe, PromptStyle
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


def probe_seconds(profile: DataProfile | None, grader: str, model: str, folder: Path) -> float | None:
    """At most, by formula (advisor/hardware.py), of a probe that no clear answer ends early. grader: by name. folder:
    where a model's relative path starts. None where the model is not here, where nothing fast grades the answers, and
    where a probe of so few rows would tell nothing."""
    if profile is None or profile.num_rows < FEWEST_PROMPTS:
        return None
    found = named_grader(grader, profile)
    size = model_size(model, folder) if found is not None and one_by_one(found) else None
    machine = speed() if size else None
    if size is None or machine is None:
        return None
    stage = Probe(type="probe", name="probe")
    answers = min(stage.rows, profile.num_rows) * (len(get_args(PromptStyle)) + stage.samples_per_prompt)
    tokens = answers * answer_tokens(profile, reasons=model != STARTER)
    return machine.seconds(size.parameters, 0, tokens, stages=1)
