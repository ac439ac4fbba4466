"""An OpenAI job, its grader and the rows → a Plan and its text; what has no counterpart is said with the reason.

The validation file becomes the rows that choose, suffix the plan's name, the response format a grader beside. Rows are
loaded, split and checked here as `run` does it, so that what cannot work is said before anything is written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advisor.advise import make_folder
from advisor.openai.grader import import_grader
from advisor.openai.hyperparameters import dpo_fields, grpo_fields, sft_fields
from advisor.openai.job import Job, read_job
from advisor.plan_text import commented, plan_fields, write_plan, yaml_text
from graders.base import Grader
from graders.errors import UserError
from graders.union import GRADERS, parse_grader
from pipelines.data.checked import load_checked
from pipelines.data.rows import Split
from pipelines.data.spec import DataSpec
from pipelines.data.table import listed
from pipelines.evals.compare import FEWEST_PROMPTS
from pipelines.grader_rows import check_against_rows
from pipelines.plan import NAME, Plan


@dataclass(frozen=True, slots=True)
class Import:
    """What came out. notes: part of the plan → sentences for the user. written: the plan is new or changed."""

    plan: Plan
    notes: Mapping[str, list[str]]
    written: bool


@dataclass(frozen=True, slots=True)
class Request:
    """job: a JSON file. spec: the data, its paths relative to the plan's folder. model: what is to be trained."""

    job: Path
    spec: DataSpec
    model: str
    out: Path
    force: bool = False


@dataclass(slots=True)
class _Draft:
    """Notes by the part of the plan that they stand above."""

    notes: dict[str, list[str]] = field(default_factory=dict)

    def say(self, part: str, text: str) -> None:
        self.notes.setdefault(part, []).append(text)


def import_job(request: Request) -> Import:
    """Reads, checks and writes. Raises UserError for what cannot work here; then nothing is written."""
    job = read_job(request.job)
    make_folder(request.out.parent)
    split = load_checked(request.spec, request.out.parent)
    draft = _Draft()
    _say_what_it_was(job, request, draft)
    _say_parts(split, draft)
    graders = _graders(job, request.job, split, draft) if job.method == "reinforcement" else {}
    fields: dict[str, Any] = {
        "name": _name(job, request.job),
        "model": {"name": request.model},
        "data": request.spec,
        "graders": graders,
        "metric": next(iter(graders), "preference" if job.method == "dpo" else "likelihood"),
        "stages": _stages(job, split, draft),
        **({} if job.seed is None else {"seed": job.seed}),
    }
    plan = Plan.model_validate(fields)
    return Import(plan, draft.notes, write_plan(_text(plan, draft.notes), request.out, request.force))


def _say_what_it_was(job: Job, request: Request, draft: _Draft) -> None:
    was = f", model {job.model}" if job.model else ""
    draft.say("head", f"Imported from {request.job.name}: {job.kind} of OpenAI's ({job.method}{was}).")
    if job.ignored:
        draft.say("head", f"Not used, for it has no meaning here: {listed(dict.fromkeys(job.ignored))}.")
    if job.model and job.model != request.model:
        draft.say(
            "model",
            f"{job.model} cannot be trained here, its weights are OpenAI's own; {request.model} stands in its place. "
            "Another: --model with a folder or a hub id.",
        )


def _say_parts(split: Split, draft: _Draft) -> None:
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    sizes = {name: len(rows.rows) for name, rows in parts.items()}
    draft.say("data", "Rows: " + ", ".join(f"{count:,} {name}" for name, count in sizes.items()) + ".")
    for note in split.notes:
        draft.say("data", note[0].upper() + note[1:] + ".")
    if sizes["test"] < FEWEST_PROMPTS:
        draft.say(
            "data",
            f"{sizes['test']} test rows prove nothing: under {FEWEST_PROMPTS} no gain is claimed. More: --test FILE.",
        )


def _graders(job: Job, where: Path, split: Split, draft: _Draft) -> dict[str, Grader]:
    """The job's grader by its name, first; the response format's beside it."""
    assert job.grader is not None
    imported = import_grader(job.grader, str(where))
    rows = [row for part in (split.train, split.validation, split.test) for row in part.rows]
    for note in [*imported.notes, *check_against_rows(imported.grader, rows, job.schema)]:
        draft.say("graders", note)
    name = str(job.grader.get("name") or "grader")
    graders: dict[str, Grader] = {name: imported.grader}
    if job.schema is not None:
        _add_format(graders, job.schema, draft)
    return graders


def _add_format(graders: dict[str, Grader], schema: Mapping[str, Any], draft: _Draft) -> None:
    held = "OpenAI held answers to the response format while they were written; here nothing does."
    if "json_schema" not in GRADERS:
        draft.say("graders", f"{held} It was left out.")
        return
    graders["response_format"] = parse_grader({"type": "json_schema", "json_schema": schema}, "response_format")
    draft.say(
        "graders",
        f"{held} response_format grades it and is used nowhere yet: put it into a `multi` beside the other, or let "
        "SFT on examples of the format come first, if the base model does not keep to it.",
    )


def _name(job: Job, path: Path) -> str:
    for text in (job.suffix, path.stem):
        name = re.sub(r"[^a-z0-9_-]+", "-", str(text or "").casefold()).strip("-_")[:40].strip("-_")
        if re.fullmatch(NAME, name):
            return name
    return "imported"


def _stages(job: Job, split: Split, draft: _Draft) -> list[dict[str, Any]]:
    method = {"supervised": "sft", "reinforcement": "grpo", "dpo": "dpo"}[job.method]
    if method == "sft":
        _check_answers(split, draft)
        mapped = sft_fields(job.hyperparameters)
    elif method == "dpo":
        _check_pairs(split, draft)
        mapped = dpo_fields(job.hyperparameters)
    else:
        mapped = grpo_fields(job.hyperparameters, len(split.train.rows))
    for note in mapped.notes:
        draft.say("stages", note)
    return [
        {"type": "evaluate", "name": "base"},
        {"type": method, "name": method, **mapped.fields},
        {"type": "evaluate", "name": f"after_{method}"},
    ]


def _check_answers(split: Split, draft: _Draft) -> None:
    where = split.train.source
    if not any(row.demonstration for row in split.train.rows):
        happened = "the job is supervised, and no row ends with the assistant's turn"
        raise UserError(happened, "rows with an answer", where=where)
    draft.say("metric", "No grader is in the job: the measure is the log-probability of the reference per token.")
    draft.say("metric", f"finetune-advisor init --data {where} tries which grader fits these answers.")


def _check_pairs(split: Split, draft: _Draft) -> None:
    if not any(row.is_pair for row in split.train.rows):
        happened = "the job is dpo, and no row has a preferred and a non-preferred answer"
        raise UserError(happened, "rows with preferred_output and non_preferred_output", where=split.train.source)
    draft.say("metric", "No grader is in the job: the measure is how often the preferred answer is the likelier one.")


def _text(plan: Plan, notes: Mapping[str, list[str]]) -> str:
    """plan.yaml, each part under what is to be said of it."""
    parts = [commented([*notes.get("head", []), "`finetune-advisor run` follows this file; change what you like."])]
    for key, value in plan_fields(plan).items():
        said = commented(notes.get(key, []))
        parts.append(("\n" if said or key == "stages" else "") + said + yaml_text({key: value}))
    return "".join(parts)
