"""The model card: what it was made from, by what, and what was measured; README.md of the exported folder."""

import json
from pathlib import Path
from typing import Any

import yaml

from pipelines.export.chosen import Chosen
from pipelines.export.parity import Parity
from pipelines.files import digest_path, digest_text, write_text
from pipelines.plan import Plan


def write_card(folder: Path, chosen: Chosen, dtype: str, found: Parity) -> None:
    """Only what is known stands in it."""
    plan, step = chosen.loaded.plan, chosen.step
    record = step.record()
    lines = [_front_matter(plan, chosen), f"# {plan.name}\n", *_proof(chosen), "## How it was made\n"]
    lines += [f"- base model: `{plan.model.name}`" + (f" at `{plan.model.revision}`" if plan.model.revision else "")]
    lines += [f"- stage: `{step.stage.name}` ({step.stage.type}), fingerprint `{step.fingerprint[:16]}`"]
    lines += [f"- data: `{plan.data.train}`", *_hashes(chosen)]
    lines += [f"- metric: `{plan.metric}`" + _grader(plan)]
    lines += [f"- weights: {dtype}; trained with {_versions(record.versions if record else {})}"]
    lines += ["", "## Is it the model that was measured?\n", _parity(found), ""]
    write_text(folder / "README.md", "\n".join(lines))


def _front_matter(plan: Plan, chosen: Chosen) -> str:
    fields: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    if "/" in plan.model.name and not plan.model.name.startswith((".", "/", "~")):
        fields["base_model"] = plan.model.name
    fields["tags"] = ["finetune-advisor", chosen.step.stage.type]
    return f"---\n{yaml.safe_dump(fields, sort_keys=False)}---\n"


def _proof(chosen: Chosen) -> list[str]:
    """The run's verdict in its own words, where this is the model that it is about."""
    path = chosen.run_folder / "report.json"
    if not path.exists():
        return []
    report = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        f"| {stage['name']} | {_percent(stage['pass_rate'])} | {_score(stage['mean_score'])} | {stage['n']} |"
        for stage in report["stages"]
    ]
    head = ["## What was measured\n", report["verdict"], "", "| model | pass rate | mean score | test rows |"]
    return [*head, "|---|--:|--:|--:|", *rows, ""]


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def _score(score: float | None) -> str:
    return "-" if score is None else f"{score:.3f}"


def _hashes(chosen: Chosen) -> list[str]:
    plan, base = chosen.loaded.plan, chosen.loaded.folder
    files = [base / name for name in plan.data.sources]
    lines = [f"- SHA-256 of `{path.name}`: `{digest_path(path)[:16]}`" for path in files if path.is_file()]
    return [*lines, f"- SHA-256 of the plan: `{digest_path(chosen.loaded.path)[:16]}`"]


def _grader(plan: Plan) -> str:
    if plan.metric not in plan.graders:
        return ""
    config = json.dumps(plan.graders[plan.metric].model_dump(mode="json"), sort_keys=True)
    return (
        f", a grader of type `{plan.graders[plan.metric].type}`, SHA-256 of its settings `{digest_text(config)[:16]}`"
    )


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items()) or "versions unknown"


def _parity(found: Parity) -> str:
    said = (
        f"Log-probabilities of {found.texts} texts differ by {found.logprob_difference:.5f} a token "
        f"(at most {found.tolerance:g} is accepted)."
    )
    if found.score_measured is None or found.score_exported is None:
        return said
    return (
        f"{said} On {found.answers} test rows it scores {found.score_exported:.1%}, and the measured model "
        f"{found.score_measured:.1%} [{found.low:+.1f}, {found.high:+.1f} points]."
    )
