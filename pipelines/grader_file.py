"""A grader as users hold it → the grader: our YAML, OpenAI's JSON (a grader, `{"grader": ...}`, a whole job), a plan.

Relative paths in a grader start from the file's folder, as those of a plan do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graders.errors import UserError
from graders.union import AnyGrader, parse_grader
from pipelines.data.spec import DataSpec
from pipelines.data.text import parse_json
from pipelines.plan import METRICS_WITHOUT_GRADER
from pipelines.plan_file import LoadedPlan, load_plan
from pipelines.yaml_lines import parse


@dataclass(frozen=True, slots=True)
class NamedGrader:
    """name: in the plan, else its own or its type. data: how its plan reads rows, or None."""

    name: str
    grader: AnyGrader
    data: DataSpec | None = None


def load_grader(path: Path, name: str | None = None) -> NamedGrader:
    """name: which of a plan's graders; else its metric, or its reward where the metric needs no grader.

    Raises UserError for a missing file, for what is no YAML or JSON (with the line), and for faults of the grader.
    """
    content = _content(path)
    if not isinstance(content, Mapping):
        raise UserError("this is no grader", "a mapping such as `type: numeric`", where=str(path))
    if "stages" in content or "metric" in content:
        return _of_plan(load_plan(path), name)
    if name is not None:
        raise UserError(f"--grader {name}: this file holds a single grader", "a plan.yaml", where=str(path))
    config = _inner(content)
    grader = parse_grader(config, str(path), path.resolve().parent)
    named = config.get("name")
    return NamedGrader(named if isinstance(named, str) else str(config["type"]), grader)


def _inner(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The grader of a job or of a request body."""
    method = content.get("method")
    inside = method.get("reinforcement") if isinstance(method, Mapping) else content
    grader = inside.get("grader") if isinstance(inside, Mapping) else None
    return grader if isinstance(grader, Mapping) and "type" in grader else content


def _of_plan(loaded: LoadedPlan, name: str | None) -> NamedGrader:
    plan = loaded.plan
    chosen = name or (plan.reward if plan.metric in METRICS_WITHOUT_GRADER else plan.metric)
    if chosen is None or chosen not in plan.graders:
        happened = (
            f"the plan has no grader {chosen!r}" if chosen else f"the metric is {plan.metric}, which is no grader"
        )
        known = ", ".join(plan.graders) or "a grader under `graders:`"
        raise UserError(happened, known, "--grader NAME", str(loaded.path))
    return NamedGrader(chosen, plan.graders[chosen], plan.data)


def _content(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError("there is no such file", "a grader as YAML or JSON, or a plan.yaml", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"it cannot be read: {error}", "a UTF-8 text file", where=str(path)) from None
    if path.suffix.casefold() != ".json" and not text.lstrip().startswith("{"):
        return parse(text, str(path)).value
    try:
        return parse_json(text)
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        problem = getattr(error, "msg", str(error))
        raise UserError(f"this is no JSON: {problem}", "one JSON object", where=f"{path}:{line}") from None
