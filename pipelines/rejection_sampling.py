"""Rejection sampling fine-tuning (Yuan et al. 2023, arXiv 2308.01825): sample, grade, keep the right, train.

In: a policy, training rows with something to grade against. Out: a policy, and kept.jsonl: what was kept. An answer
is kept when it passes the reward grader and its normal form is new for its prompt; the rows' own completions are
always among the training rows.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from graders.base import Grader
from graders.errors import UserError
from pipelines.data.checked import load_checked
from pipelines.data.rows import Row
from pipelines.evals.score import grade_completions
from pipelines.files import write_text
from pipelines.job import Job, Numbers
from pipelines.models import load_policy
from pipelines.plan import RejectionSampling
from pipelines.sampling import Completion, Sampling, sample
from pipelines.sft import imitate
from pipelines.training import answer_limit, require_room


def run(job: Job) -> Numbers:
    """The stage function of `rejection_sampling`."""
    stage = job.config(RejectionSampling)
    split = load_checked(job.plan.data, job.base)
    rows = list(split.train.rows)
    kept_path = job.folder / "kept.jsonl"
    if not kept_path.exists():
        write_text(kept_path, _lines(_sample_and_keep(job, stage, rows)))
    lines = kept_path.read_text(encoding="utf-8").split("\n")  # not splitlines: answers may hold U+2028
    kept = [json.loads(line) for line in lines if line]
    by_number = {row.number: row for row in rows}
    own = [row for row in rows if row.demonstration is not None]
    sampled = [replace(by_number[item["row"]], completion=item["completion"]) for item in kept]
    if not own and not sampled:
        raise UserError(
            "no sampled answer passed the grader, and no row has a completion: there is nothing to train on",
            "a base model that is right now and then",
            "put an sft stage first, or raise samples_per_prompt",
        )
    numbers = imitate(job, stage, split.train.only(own + sampled), split.validation.rows)
    solved = len({item["row"] for item in kept})
    return {"prompts": len(rows), "solved_prompts": solved, "kept": len(kept), "own": len(own), **numbers}


def _sample_and_keep(job: Job, stage: RejectionSampling, rows: Sequence[Row]) -> list[dict[str, Any]]:
    job.progress.say(f"samples {stage.samples_per_prompt} answers to each of {len(rows)} prompts")
    policy = load_policy(job.policy, job.plan.model, "answer")
    limit = stage.max_new_tokens or answer_limit(rows, policy, job.plan.model.template_args)
    require_room(limit, policy)
    settings = Sampling(limit, stage.temperature, stage.samples_per_prompt, job.plan.seed)
    answers = sample(policy, [row.messages for row in rows], settings, job.plan.model.template_args, job.progress)
    grader = job.plan.graders[job.plan.reward or job.plan.metric]
    kept: list[dict[str, Any]] = []
    for row, some in zip(rows, answers, strict=True):
        kept += [
            {"row": row.number, "prompt": row.prompt, "completion": text}
            for text in keep(grader, row, some)[: stage.max_kept_per_prompt]
        ]
    return kept


def keep(grader: Grader, row: Row, answers: Sequence[Completion]) -> list[str]:
    """The answers that pass and ended by themselves, each normal form once and none like the row's own completion."""
    graded = grade_completions(grader, [row] * len(answers), answers)
    seen = {normal_form(row.demonstration or "")}
    found = []
    for answer, grade in zip(answers, graded, strict=True):
        text = f"<think>\n{answer.reasoning}\n</think>\n\n{answer.text}" if answer.reasoning else answer.text
        form = normal_form(text)
        if grade.passed and not answer.truncated and form not in seen:
            seen.add(form)
            found.append(text)
    return found


def normal_form(text: str) -> str:
    """Equal for answers that differ only in case and white space."""
    return " ".join(text.lower().split())


def _lines(items: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
