"""Signal before spending: what RL could learn from the policy as it is, from k sampled answers to validation rows.

In: a policy, the plan's validation rows (training rows where there are none), the reward grader. Out: samples.jsonl
(every answer with its grade), prompts.jsonl (each prompt's pass rate and spread), and numbers: pass@k, the share of
groups with spread by group size (pipelines/evals/signal.py), a verdict and advice in words. How many steps a gain takes
is not foretold: it hangs on the task; what one pass over the training prompts costs in sampling is.
"""

import json
import statistics
import time
from collections.abc import Sequence
from typing import Any

from graders.errors import UserError
from graders.statistics import paired_bootstrap
from pipelines.answering import Answerer, answerer
from pipelines.data.checked import load_checked
from pipelines.data.rows import Row, Split
from pipelines.evals import signal
from pipelines.evals.grades import GradedRow, write_grades
from pipelines.evals.score import grade_completions
from pipelines.evals.verdict import percent
from pipelines.evaluate import chosen, pass_table, summary
from pipelines.files import write_text
from pipelines.grader_rows import checked_grader
from pipelines.job import Job, Numbers
from pipelines.plan import Probe
from pipelines.sampling import Completion, Sampling

OFTEN = 0.05
"""Of answers that were cut short, or that the grader could not score: worth a sentence."""


def run(job: Job) -> Numbers:
    """The stage function of `probe`."""
    stage = job.config(Probe)
    split = load_checked(job.plan.data, job.base)
    rows = chosen(split.validation.rows or split.train.rows, stage.rows)
    grader = checked_grader(job, job.reward_name, rows)
    job.progress.say(f"samples {stage.samples_per_prompt} answers to each of {len(rows)} {_part(split)} rows")
    asked = answerer(job, stage.served, stage.max_new_tokens, split.train.rows, "draw")
    answers, rate = _answers(asked, stage, rows)
    groups = [grade_completions(grader, [row] * len(some), some) for row, some in zip(rows, answers, strict=True)]
    flat = [graded for group in groups for graded in group]
    write_grades(job.folder / "samples.jsonl", flat)
    write_text(job.folder / "prompts.jsonl", "".join(json.dumps(_prompt(group)) + "\n" for group in groups))
    scored = [scores for group in groups if len(scores := _scores(group)) > 1]
    if not scored:
        raise UserError(
            f"no prompt has two answers that the grader could score, for example: {flat[0].reason}",
            "a reference that the grader reads, and a grader that is up",
            "look at samples.jsonl",
            str(job.folder),
        )
    found = {
        **_measures(flat, stage),
        **_signal(groups, scored),
        "max_new_tokens": asked.limit,
        "rows_from": _part(split),
    }
    return found | _spending(found, rate, len(split.train.rows)) | {"advice": advice(found), **asked.notes()}


def _part(split: Split) -> str:
    return "validation" if split.validation.rows else "training"


def _answers(asked: Answerer, stage: Probe, rows: Sequence[Row]) -> tuple[list[list[Completion]], float | None]:
    """The answers, and completions a second (None where some were kept from before a stop)."""
    job = asked.job
    settings = Sampling(asked.limit, stage.temperature, stage.samples_per_prompt, job.plan.seed)
    kept = job.folder / "answers.jsonl"
    resumed, began = kept.exists(), time.perf_counter()
    answers = asked.answers([row.messages for row in rows], settings, kept)
    rate = len(rows) * stage.samples_per_prompt / (time.perf_counter() - began)
    return answers, None if resumed else rate


def _scores(group: Sequence[GradedRow]) -> list[float]:
    return [graded.score for graded in group if graded.score is not None]


def _prompt(group: Sequence[GradedRow]) -> dict[str, Any]:
    scores, passed = _scores(group), [graded.passed for graded in group if graded.passed is not None]
    return {
        "row": group[0].index,
        "scored": len(scores),
        "pass_rate": statistics.fmean(passed) if passed else None,
        "mean_score": statistics.fmean(scores) if scores else None,
        "spread": statistics.pstdev(scores) if scores else None,
    }


def _measures(flat: Sequence[GradedRow], stage: Probe) -> dict[str, Any]:
    """How the answers are, over all prompts; `spread` is the mean standard deviation within a prompt."""
    of_all = summary(flat)
    kept = ("mean_score", "unscored", "truncated_rate", "mean_tokens")
    return {"samples_per_prompt": stage.samples_per_prompt, **{name: of_all[name] for name in kept}}


def _signal(groups: Sequence[Sequence[GradedRow]], scored: Sequence[Sequence[float]]) -> dict[str, Any]:
    shares = signal.shares_with_spread(scored)
    best = signal.advised(shares)
    low, high = paired_bootstrap([statistics.fmean(some) for some in scored], range(len(scored)), n_resamples=2000)
    return {
        "prompts": len(scored),
        "mean_score_interval": [low, high],
        "spread": statistics.fmean(statistics.pstdev(some) for some in scored),
        "prompts_with_spread": sum(len(set(some)) > 1 for some in scored),
        "pass_at_k": pass_table(groups),
        "groups_with_spread": [
            {"size": s.size, "share": s.share, "interval": list(s.interval), "estimator": s.estimator} for s in shares
        ],
        "verdict": signal.verdict(scored),
        "group_size": best.size,
    }


def _spending(found: dict[str, Any], rate: float | None, train_rows: int) -> dict[str, Any]:
    """What the advised group size costs, sampling alone, if the answers keep their length."""
    size = found["group_size"]
    share = next(row["share"] for row in found["groups_with_spread"] if row["size"] == size)
    return {
        "completions_per_group_with_spread": size / share if share else None,
        "completions_per_second": rate,
        "sampling_seconds_per_pass": size * train_rows / rate if rate else None,
    }


def advice(numbers: Numbers) -> str:
    """The verdict in words, with what to do, and what else is wrong."""
    return " ".join([f"{_verdict(numbers)} {_measured(numbers)}.", *_faults(numbers)])


def _verdict(numbers: Numbers) -> str:
    of = f"{numbers['prompts_with_spread']} of {numbers['prompts']} prompts had answers of different scores"
    match numbers["verdict"]:
        case "starved":
            return f"starved: warm up first (SFT, easier rows, or credit for parts): {of}."
        case "saturated":
            return f"saturated: harder data or stop, RL has little left to teach: {of}."
    size = numbers["group_size"]
    row = next(row for row in numbers["groups_with_spread"] if row["size"] == size)
    low, high = row["interval"]
    bound = "at least " if row["estimator"] == "lower bound" else ""
    return f"use G = {size}: {bound}{percent(row['share'])} of groups have spread ({percent(low)} to {percent(high)})."


def _measured(numbers: Numbers) -> str:
    table = {int(k): rate for k, rate in numbers["pass_at_k"].items() if rate is not None}
    rates = [f"pass@{k} {percent(table[k])}" for k in (min(table), max(table))] if table else []
    return ", ".join([*rates, f"mean score {numbers['mean_score']:.3f}, {numbers['prompts']} prompts"])


def _faults(numbers: Numbers) -> list[str]:
    total = numbers["prompts"] * numbers["samples_per_prompt"]
    said = []
    if numbers["truncated_rate"] > OFTEN:
        cut = f"{percent(numbers['truncated_rate'])} of the answers were cut at {numbers['max_new_tokens']} tokens"
        said.append(f"{cut}: raise max_new_tokens.")
    if numbers["unscored"] > OFTEN * total:
        said.append(f"{numbers['unscored']} answers could not be scored: samples.jsonl says why.")
    return said
