"""Graded answers → what a probe found, in numbers and in words. Pure."""

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graders.base import Grader
from graders.statistics import paired_bootstrap, wilson_interval
from pipelines.data.answer_kind import own_answer
from pipelines.data.rows import Row
from pipelines.evals import signal
from pipelines.evals.compare import Comparison
from pipelines.evals.grades import GradedRow
from pipelines.evals.trials import grade_outputs, one_by_one
from pipelines.evals.verdict import percent
from pipelines.evaluate import pass_table, summary
from pipelines.plan import Probe
from pipelines.probe_answers import Answers, tokens_needed
from pipelines.probe_result import GroupShare, Probed, RowsFrom, StyleFound
from pipelines.prompt_styles import Style

OFTEN = 0.05
"""Of answers that were cut short, or that the grader could not score: worth a sentence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How the answers came about. rows: that could be asked. limit: tokens of a drawn answer. rate: drawn ones a
    second, None where not known. names_answers: the grader says which answer it found. alpha: of the intervals of
    drawn answers."""

    stage: Probe
    part: RowsFrom
    rows: int
    train_rows: int
    limit: int
    rate: float | None
    names_answers: bool
    alpha: float
    notes: tuple[str, ...]


def probed(groups: Sequence[Sequence[GradedRow]], styles: Sequence[StyleFound], asked: Asked) -> Probed:
    """groups: the drawn answers of each prompt, of which at least one has two that are scored."""
    flat = [graded for group in groups for graded in group]
    signals = _signal(groups, asked.alpha)
    found = Probed(
        **_measures(flat, asked.stage),
        **signals,
        **_spending(signals["groups_with_spread"], signals["group_size"], asked),
        parse_rate=parse_rate(flat, asked.names_answers),
        max_new_tokens=asked.limit,
        rows=asked.rows,
        rows_from=asked.part,
        styles=tuple(styles),
        notes=asked.notes,
    )
    return found.model_copy(update={"advice": advice(found)})


def scored_groups(groups: Sequence[Sequence[GradedRow]]) -> list[list[float]]:
    """The scores of each prompt that has two or more."""
    return [scores for group in groups if len(scores := _scores(group)) > 1]


def per_prompt(group: Sequence[GradedRow]) -> dict[str, Any]:
    """One prompt's pass rate and spread."""
    scores, passed = _scores(group), [graded.passed for graded in group if graded.passed is not None]
    return {
        "row": group[0].index,
        "scored": len(scores),
        "pass_rate": statistics.fmean(passed) if passed else None,
        "mean_score": statistics.fmean(scores) if scores else None,
        "spread": statistics.pstdev(scores) if scores else None,
    }


def style_found(
    style: Style, answers: Answers, names_answers: bool, alpha: float, against: Comparison | None, settled: bool
) -> StyleFound:
    """alpha: how often its interval may miss. against: the direct answers' comparison with these."""
    graded = answers.graded
    of_all = summary(graded)
    passed = [row.passed for row in graded if row.passed is not None]
    kept = ("pass_rate", "mean_score", "unscored", "truncated_rate", "mean_tokens")
    return StyleFound(
        style=style,
        rows=len(graded),
        interval=wilson_interval(sum(passed), len(passed), 1 - alpha),
        parse_rate=parse_rate(graded, names_answers),
        tokens_needed=tokens_needed(graded),
        followed=answers.followed / len(graded),
        comparison=against,
        settled=settled,
        **{name: of_all[name] for name in kept},
    )


def names_answers(grader: Grader, rows: Sequence[Row]) -> bool:
    """Whether the grader says which answer it found, tried on the rows' own. Of a judge or a sandbox nobody asks."""
    if not one_by_one(grader):
        return False
    own = [(row, text) for row in rows[:20] if (text := own_answer(row))]
    return any(grade.extracted is not None for grade in grade_outputs(grader, own))


def parse_rate(graded: Sequence[GradedRow], named: bool) -> float | None:
    """Share of the scored answers in which the grader found one; None where it never says what it found."""
    scored = [row for row in graded if row.score is not None]
    found = sum(row.extracted is not None for row in scored)
    return found / len(scored) if scored and (named or found) else None


def _scores(group: Sequence[GradedRow]) -> list[float]:
    return [graded.score for graded in group if graded.score is not None]


def _measures(flat: Sequence[GradedRow], stage: Probe) -> dict[str, Any]:
    """How the drawn answers are, over all prompts."""
    of_all = summary(flat)
    kept = ("mean_score", "unscored", "truncated_rate", "mean_tokens")
    return {"samples_per_prompt": stage.samples_per_prompt, **{name: of_all[name] for name in kept}}


def _signal(groups: Sequence[Sequence[GradedRow]], alpha: float) -> dict[str, Any]:
    scored = scored_groups(groups)
    shares = signal.shares_with_spread(scored, alpha)
    return {
        "prompts": len(scored),
        "mean_score_interval": paired_bootstrap(
            [statistics.fmean(some) for some in scored], range(len(scored)), 2000, 1 - alpha
        ),
        "spread": statistics.fmean(statistics.pstdev(some) for some in scored),
        "prompts_with_spread": sum(len(set(some)) > 1 for some in scored),
        "pass_at_k": pass_table(groups),
        "groups_with_spread": tuple(GroupShare(**dataclasses.asdict(share)) for share in shares),
        "verdict": signal.verdict(scored),
        "group_size": signal.advised(shares).size,
    }


def _spending(shares: Sequence[GroupShare], size: int, asked: Asked) -> dict[str, Any]:
    """What the advised group size costs, sampling alone, if the answers keep their length."""
    share = next(row.share for row in shares if row.size == size)
    return {
        "completions_per_group_with_spread": size / share if share else None,
        "completions_per_second": asked.rate,
        "sampling_seconds_per_pass": size * asked.train_rows / asked.rate if asked.rate else None,
    }


def advice(found: Probed) -> str:
    """The verdict in words, with what to do, and what else is wrong."""
    return "; ".join([_verdict(found), _measured(found), *_faults(found)])


def _verdict(found: Probed) -> str:
    of = f"{found.prompts_with_spread} of {found.prompts} prompts had answers of different scores"
    match found.verdict:
        case "starved":
            return f"starved: warm up first (SFT, easier rows, or credit for parts): {of}"
        case "saturated":
            return f"saturated: harder data or stop, RL has little left to teach: {of}"
    row = next(row for row in found.groups_with_spread if row.size == found.group_size)
    low, high = row.interval
    share = f"{percent(row.share)} of groups have spread ({percent(low)} to {percent(high)})"
    share = f"at least {share}" if row.estimator == "lower bound" else share
    return f"use G = {found.group_size}: {share}"


def _measured(found: Probed) -> str:
    table = {int(k): rate for k, rate in found.pass_at_k.items() if rate is not None}
    rates = [f"pass@{k} {percent(table[k])}" for k in (min(table), max(table))] if table else []
    return ", ".join([*rates, f"mean score {found.mean_score:.3f}, {found.prompts} prompts"])


def _faults(found: Probed) -> list[str]:
    total = found.prompts * found.samples_per_prompt
    said = []
    if found.truncated_rate > OFTEN:
        cut = f"{percent(found.truncated_rate)} of the answers were cut at {found.max_new_tokens} tokens"
        said.append(f"{cut}: raise max_new_tokens")
    if found.unscored > OFTEN * total:
        said.append(f"{found.unscored} answers could not be scored: samples.jsonl says why")
    return said
