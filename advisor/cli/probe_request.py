"""The options of `probe` as the plan to be probed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from advisor import checks
from advisor.cli.console import busy
from advisor.cli.options import data_spec, path_from
from advisor.planner import named_grader
from advisor.probing import plan_to_probe
from advisor.profile import DataProfile
from advisor.reading import measure
from graders.errors import UserError
from graders.union import AnyGrader
from pipelines.grader_file import load_grader
from pipelines.plan_file import LoadedPlan, load_plan

_DATA_ONLY = ("model", "grader", "columns", "limit", "validation", "test", "prompt", "system")


def to_probe(plan: Path | None, options: Mapping[str, Any]) -> LoadedPlan:
    """A plan that was written, or one made of the options. Raises UsageError where both or neither is named."""
    folder = Path.cwd()
    if plan is not None:
        if given := [name for name in ("data", *_DATA_ONLY) if options[name]]:
            name = "column" if given[0] == "columns" else given[0]
            raise click.UsageError(f"PLAN says that already: leave out --{name}, or PLAN.")
        return load_plan(plan)
    if options["data"] is None:
        raise click.UsageError("Name a PLAN, or rows with --data FILE.")
    spec = data_spec(path_from(options["data"], folder), options, folder)
    model = str(checks.model(options["model"] or checks.STARTER, folder))
    with busy(f"Reading {options['data']}"):
        _, profile = measure(spec, folder)
    return plan_to_probe(spec, profile, model, _grader(options["grader"], profile, folder), folder)


def _grader(named: str | None, profile: DataProfile, folder: Path) -> AnyGrader:
    """The one that was named, else the one that fits the rows' own answers."""
    if named is not None and (folder / named).is_file():
        return load_grader(folder / named).grader
    fit = profile.fit
    if named is None and (fit is None or not fit.fits):
        happened = f"no grader fits these answers{f': {fit.problem}' if fit else ''}"
        raise UserError(happened, "a grader that tells right answers from wrong ones", "name one with --grader")
    fitting = fit.grader if fit else None
    grader = named_grader(str(checks.grader(named, folder)), profile) if named else fitting
    if grader is None:
        raise UserError("without a grader nothing can be measured", "a grader", "leave out --grader none")
    return grader
