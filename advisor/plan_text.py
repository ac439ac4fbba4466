"""Plan → the text of plan.yaml: short, only what differs from the defaults, each part with its reason as a comment.

The text reads back into the identical Plan. An existing plan that differs is never overwritten without `force`.
"""

import difflib
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from advisor.answers import Answer
from advisor.decide import Decision, pipeline
from advisor.planner import SKEWED
from advisor.profile import DataProfile
from graders.errors import UserError
from pipelines.files import write_text
from pipelines.plan import Plan

WIDTH = 110


def plan_text(plan: Plan, decision: Decision, profile: DataProfile, answers: Mapping[str, Answer]) -> str:
    """The whole file."""
    body = plan_fields(plan)
    stages = body.pop("stages")
    head = [
        f"{answers['task'].value}.",
        f"Advice: {pipeline(decision.outcome, decision.stages)}. `finetune-advisor run` follows this file; change what "
        "you like.",
    ]
    comments = {
        "model": _model_comment(plan),
        "data": _data_comment(plan, profile),
        "graders": _grader_comment(profile, answers),
        "metric": _metric_comment(plan),
    }
    parts = [commented(head)]
    for key, value in body.items():
        parts += ["\n" if key in comments or key == "decision" else "", commented(comments.get(key, []))]
        parts.append(yaml_text({key: value}))
    return "".join(
        [*parts, "\nstages:\n", *(_stage(stage, decision) for stage in stages), commented(_unmeasured(plan, decision))]
    )


def plan_fields(plan: Plan) -> dict[str, Any]:
    """The plan as plain values, without the fields that only repeat a default."""
    fields = plan.model_dump(mode="json", exclude_defaults=True)
    graders = {name: {"type": grader.type, **fields["graders"][name]} for name, grader in plan.graders.items()}
    stages = [{"type": stage.type, **fields} for stage, fields in zip(plan.stages, fields["stages"], strict=True)]
    model = {"name": plan.model.name, **fields.get("model", {})}
    shown = {**fields, "version": plan.version, "model": model, "stages": stages}
    if graders:
        shown["graders"] = graders
    return {key: shown[key] for key in Plan.model_fields if key in shown}


def write_plan(text: str, path: Path, force: bool) -> bool:
    """Writes the file and says whether it did; one that says the same already keeps its own comments."""
    if path.exists() and not force:
        existing = _existing(path)
        if existing is not None and existing == yaml.safe_load(text):
            return False
        raise UserError(
            f"there is another plan already; this is what would change:\n{_difference(path, text)}",
            "no plan, or the same one",
            "--force to overwrite it, or --out to write elsewhere",
            str(path),
        )
    write_text(path, text)
    return True


def _existing(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None


def _difference(path: Path, text: str) -> str:
    old = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(difflib.unified_diff(old, text.splitlines(), str(path), f"{path} (new)", lineterm="", n=1))


def _model_comment(plan: Plan) -> list[str]:
    if plan.model.name == "starter":
        return ["The small model that comes with the tool. Name a model folder or a hub id in its place."]
    return []


def _data_comment(plan: Plan, profile: DataProfile) -> list[str]:
    lines = [f"{profile.layout}: {profile.num_rows:,} rows, {profile.num_prompts:,} different prompts."]
    if plan.data.balance == "label":
        labels = profile.answers.labels
        lines.append(
            f'balance: "{labels[0][0]}" has {labels[0][1]:,} rows and "{labels[-1][0]}" {labels[-1][1]:,}; from '
            f"{SKEWED:g}:1 on, rare labels are up-weighted."
        )
    return lines


def _grader_comment(profile: DataProfile, answers: Mapping[str, Answer]) -> list[str]:
    fit = profile.fit
    if fit is None or answers["grader"].value != fit.grader.type:
        return ["As you said."]
    accepted = f"Tried on {fit.tried:,} rows' own answers: {fit.accepted:,} accepted ({fit.share:.1%}); "
    return [f"{accepted}answers of other rows: {fit.wrong_accepted:.1%} accepted."]


def _metric_comment(plan: Plan) -> list[str]:
    if plan.metric == "likelihood":
        return [
            "No grader fits: the measure is the log-probability of the reference per token. It says how well the model "
            "imitates, not whether it is right."
        ]
    if plan.metric == "preference":
        return [
            "The measure: how often the model finds the preferred answer of a test pair likelier than the other; where "
            "answers are marked, a good one than a bad one. It says nothing of what the model writes: a judge would."
        ]
    return ["Decides whether it worked, on test rows that chose nothing; it is the reward as well."]


def _stage(stage: Mapping[str, Any], decision: Decision) -> str:
    method = "best_of_n" if stage.get("best_of") else stage["type"]
    reasons = [fired.reason for fired in decision.fired if fired.method == method]
    if stage["type"] == "evaluate" and stage["name"] == "base":
        reasons = ["What the model can do before any training."]
    if stage["type"] == "probe":
        reasons = ["Before RL is paid for: stops here where hardly any prompt has answers that differ in score."]
    if stage.get("gate") and stage["type"] == "evaluate":
        reasons = ["Goes on unless the model surely got worse than the one that it was trained from."]
    if stage.get("control"):
        reasons = ["For comparison only: SFT goes on for as long as RFT took."]
    text = commented(reasons) + yaml_text([dict(stage)])
    return textwrap.indent(text, "  ")


def _unmeasured(plan: Plan, decision: Decision) -> list[str]:
    if "best_of_n" not in decision.stages or plan.metric in plan.graders:
        return []
    return [
        "Then best-of-n: sample several answers and take the one that the reward model scores highest. No grader "
        "measures answers here; with one as the metric, add {type: evaluate, name: best_of_8, best_of: 8, reward: rm}."
    ]


def commented(lines: Iterable[str]) -> str:
    """Sentences as comment lines, wrapped."""
    wrapped = [part for line in lines for part in textwrap.wrap(line, WIDTH - 2)]
    return "".join(f"# {part}\n" for part in wrapped)


def yaml_text(value: object) -> str:
    """A part of the plan, its keys in the order given; texts of several lines, such as code, stand as they are."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


class _Dumper(yaml.SafeDumper):
    """The safe dumper with `|` for texts of several lines, where YAML can hold them so."""


def _shown_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _shown_text)
