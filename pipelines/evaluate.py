"""Answers the test rows with a policy and grades them; the same for the base and every tuned model.

In: a policy, the plan's test rows, the metric. Out: grades.jsonl (one greedy answer a row), samples.jsonl (the
completions behind pass@k), and numbers. Chooses nothing. What was answered before a stop stays in answers*.jsonl.
Several processes share the rows; only without a grader each measures them all.
"""

from collections.abc import Sequence
from typing import Any

from graders.base import Grader
from graders.errors import UserError
from graders.statistics import mean_pass_at_k, wilson_interval
from pipelines import processes
from pipelines.answering import Answerer, answerer
from pipelines.data.checked import load_checked, load_preferences
from pipelines.data.load import load_rows
from pipelines.data.rows import Row
from pipelines.data.spec import DataSpec
from pipelines.data.split import prompt_hash
from pipelines.evals.grades import REGRESSION, GradedRow, unscored_in_words, write_grades
from pipelines.evals.likelihood import likelihood_rows, preference_rows
from pipelines.evals.score import grade_groups, grade_together
from pipelines.grader_rows import checked_grader
from pipelines.job import Job, Numbers
from pipelines.models import load_policy
from pipelines.plan import Evaluate
from pipelines.rewards import sample_of
from pipelines.sampling import Completion, Sampling
from pipelines.shares import shared

_WITHOUT_GRADER = {"likelihood": likelihood_rows, "preference": preference_rows}


def run(job: Job) -> Numbers:
    """The stage function of `evaluate`."""
    served = job.config(Evaluate).served
    load = load_preferences if job.plan.metric == "preference" else load_checked
    split = load(job.plan.data, job.base)
    rows = chosen(split.test.rows, job.plan.evaluation.rows)
    job.progress.say(f"answers {len(rows)} test rows")
    if job.plan.metric in _WITHOUT_GRADER:
        policy = load_policy(job.policy, job.plan.model, "answer")
        measure = _WITHOUT_GRADER[job.plan.metric]
        return _without_grader(job, measure(policy, rows, job.plan.model.template_args, job.progress))
    grader = checked_grader(job, job.plan.metric, rows)
    asked = answerer(job, served, job.plan.evaluation.max_new_tokens, split.train.rows, "answer")
    graded = _answered(asked, grader, rows)
    _keep(job, "grades.jsonl", graded)
    _require_grades(graded, job)
    if without := unscored_in_words(graded):
        job.progress.say(f"{without}; they count neither for nor against the model")
    return {
        **_regression(asked),
        **summary(graded),
        "max_new_tokens": asked.limit,
        "validation_rows": len(split.validation.rows),
        "train_rows": len(split.train.rows),
        **_pass_at_k(asked, grader, rows),
        **asked.notes(),
    }


def _regression(asked: Answerer) -> dict[str, Any]:
    """The rows that must not get worse, answered greedily; {} where the plan names none."""
    job = asked.job
    settings = job.plan.evaluation
    if settings.regression is None:
        return {}
    rows = chosen(load_rows(settings.regression, DataSpec(train=settings.regression), job.base).rows, settings.rows)
    grader = checked_grader(job, settings.regression_metric or job.plan.metric, rows)
    job.progress.say(f"answers {len(rows)} rows that must not get worse")
    sampling = Sampling(asked.limit, seed=job.plan.seed)
    answers = asked.shared_answers([row.messages for row in rows], sampling, job.folder / "answers-regression.jsonl")
    graded = grade_together(grader, rows, [answer[0] for answer in answers])
    _keep(job, REGRESSION, graded)
    return {"regression": {key: summary(graded)[key] for key in ("n", "pass_rate", "interval", "mean_score")}}


def _keep(job: Job, name: str, graded: Sequence[GradedRow]) -> None:
    """Every process has all grades; one of them writes."""
    if processes.is_first():
        write_grades(job.folder / name, graded)


def _require_grades(graded: Sequence[GradedRow], job: Job) -> None:
    """An evaluation that measured nothing is not done: it must run again when the grader works."""
    if graded and all(row.score is None for row in graded):
        raise UserError(
            f"the grader scored none of {len(graded)} answers: {graded[0].reason}",
            "a grader that works on these rows",
            "mend it, or start its server, and run again; finetune-advisor grade audit tries it alone",
            str(job.folder / "grades.jsonl"),
        )


def chosen(rows: Sequence[Row], limit: int) -> list[Row]:
    """All rows, or the `limit` of them with the lowest hash of the prompt, in file order."""
    if limit >= len(rows):
        return list(rows)
    lowest = sorted(rows, key=prompt_hash)[:limit]
    return sorted(lowest, key=lambda row: row.number)


def _answered(asked: Answerer, grader: Grader, rows: list[Row]) -> list[GradedRow]:
    """One answer a row: the greedy one, or the best of several by the reward."""
    job = asked.job
    best_of = job.config(Evaluate).best_of
    drawn = Sampling(asked.limit, job.plan.evaluation.temperature, best_of, job.plan.seed)
    settings = Sampling(asked.limit, seed=job.plan.seed) if best_of == 1 else drawn
    answers = asked.shared_answers([row.messages for row in rows], settings, job.folder / "answers.jsonl")
    if best_of > 1:
        reward = checked_grader(job, job.reward_name, rows)
        several = list(zip(rows, answers, strict=True))
        answers = shared(several, lambda own: best_answers(reward, [row for row, _ in own], [some for _, some in own]))
    return grade_together(grader, rows, [answer[0] for answer in answers])


def best_answers(
    reward: Grader, rows: Sequence[Row], answers: Sequence[Sequence[Completion]]
) -> list[list[Completion]]:
    """Each row's answers, the highest reward first, equals in order; one that could not be judged comes last."""
    asked = [sample_of(row, answer) for row, some in zip(rows, answers, strict=True) for answer in some]
    values = iter([reward.reward(grade) for grade in reward.grade_all(asked)])
    found = []
    for some in answers:
        rewards = [float("-inf") if value is None else value for value in (next(values) for _ in some)]
        found.append([some[place] for place in sorted(range(len(some)), key=lambda at: -rewards[at])])
    return found


def _pass_at_k(asked: Answerer, grader: Grader, rows: list[Row]) -> dict[str, Any]:
    """pass@k over a part of the rows, from sampled completions."""
    job = asked.job
    settings = job.plan.evaluation
    if settings.pass_k == 0:
        return {}
    part = chosen(rows, settings.pass_k_rows)
    drawing = Sampling(asked.limit, settings.temperature, settings.pass_k, job.plan.seed)
    answers = asked.shared_answers([row.messages for row in part], drawing, job.folder / "answers-drawn.jsonl")
    by_row = grade_groups(grader, part, answers)
    _keep(job, "samples.jsonl", [graded for group in by_row for graded in group])
    rows_asked = {"pass_at_k_rows": len(part), "pass_at_k_temperature": settings.temperature}
    return {"pass_at_k": pass_table(by_row), **rows_asked}


def pass_table(groups: Sequence[Sequence[GradedRow]]) -> dict[str, float | None]:
    """k → unbiased pass@k for powers of two, from the answers to each prompt; unscored ones count for nothing."""
    passed = [[graded.passed for graded in group if graded.passed is not None] for group in groups]
    counts = [(len(some), sum(some)) for some in passed if some]
    most = max(map(len, groups), default=0)
    return {str(k): mean_pass_at_k(counts, k) for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if k <= most}


def summary(graded: Sequence[GradedRow]) -> dict[str, Any]:
    """Pass rate with its Wilson interval, mean score, and what went wrong, over the scored rows."""
    passed = [row.passed for row in graded if row.passed is not None]
    scores = [row.score for row in graded if row.score is not None]
    low, high = wilson_interval(sum(passed), len(passed)) if passed else (0.0, 1.0)
    return {
        "n": len(graded),
        "pass_rate": _mean([float(p) for p in passed]),
        "interval": [low, high],
        "mean_score": _mean(scores),
        "unscored": len(graded) - len(passed),
        "truncated_rate": _mean([float(row.truncated) for row in graded]),
        "mean_tokens": _mean([float(row.num_tokens) for row in graded]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _without_grader(job: Job, graded: list[GradedRow]) -> Numbers:
    if not graded:
        wanted = {
            "preference": "test rows with a chosen and a rejected answer, or answers marked good and bad",
            "likelihood": "test rows with an answer to imitate",
        }
        raise UserError(
            f"no test row can be measured by {job.plan.metric}",
            wanted[job.plan.metric],
            "name their columns, or choose a grader as metric",
            job.plan.data.test or job.plan.data.train,
        )
    _keep(job, "grades.jsonl", graded)
    return summary(graded)
