"""Trials → the numbers of an audit. Pure.

A row counts once a probe: it is wrong when any of the probe's texts is. The rates over all probes count texts, and
their interval resamples rows, since the texts of one row are not independent.
"""

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from graders.statistics import paired_bootstrap, wilson_interval
from pipelines.data.answer_kind import answer_kind
from pipelines.evals.audit_record import Behaviour, Example, Guessing, ProbeResult, Rate
from pipelines.evals.cases import Case
from pipelines.evals.probes import ANOTHER, OWN, PROBES, Probe
from pipelines.evals.trials import Trial

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SHOWN_ROWS, _EXAMPLES, _REASONS, _CHARS = 20, 3, 5, 200


def results(trials: Sequence[Trial]) -> tuple[ProbeResult, ...]:
    """One a probe that was tried on any row, in the order of the table."""
    by_probe: dict[str, list[Trial]] = {}
    for trial in trials:
        by_probe.setdefault(trial.probe.name, []).append(trial)
    return tuple(_result(probe, by_probe[probe.name]) for probe in PROBES if probe.name in by_probe)


def _result(probe: Probe, trials: Sequence[Trial]) -> ProbeResult:
    scored = [trial for trial in trials if trial.grade.score is not None]
    rows = {trial.case.row.number for trial in scored}
    wrong = list(dict.fromkeys(trial.case.row.number for trial in scored if trial.wrong))
    low, high = wilson_interval(len(wrong), len(rows))
    return ProbeResult(
        name=probe.name,
        wanted=probe.wanted,
        rate=Rate(wrong=len(wrong), n=len(rows), low=low, high=high),
        by_chance=probe.by_chance,
        unscored=len(trials) - len(scored),
        mean_score=_mean(trial.grade.score for trial in scored),
        rows=tuple(wrong[:_SHOWN_ROWS]),
    )


def rate(trials: Sequence[Trial]) -> Rate:
    """Wrong texts among those that were scored."""
    scored = [trial for trial in trials if trial.grade.score is not None]
    if not scored:
        return Rate(wrong=0, n=0, low=0.0, high=1.0)
    wrong = [float(trial.wrong) for trial in scored]
    rows = [trial.case.row.number for trial in scored]
    low, high = paired_bootstrap(wrong, rows, n_resamples=2000)
    if high - low < 1e-9:  # every row alike: the bootstrap has no width, but so few rows leave doubt
        num_rows = len(set(rows))
        low, high = wilson_interval(round(num_rows * sum(wrong) / len(wrong)), num_rows)
    return Rate(wrong=int(sum(wrong)), n=len(wrong), low=low, high=high)


def guessing(
    cases: Sequence[Case], common: Case | None, trials: Sequence[Trial], constant: Sequence[Trial]
) -> Guessing:
    """common: the case with the commonest answer. constant: the trials of that answer on every row."""
    return Guessing(
        chance=_mean(trial.grade.score for trial in trials if trial.probe is ANOTHER),
        majority_answer=None if common is None else _cut(common.final),
        majority=_mean(trial.grade.score for trial in constant),
        derived=answer_kind([case.row for case in cases]).worked or _by_letter(cases[0]),
    )


def _by_letter(case: Case) -> bool:
    return bool(case.options) and all(len(option.strip("()")) == 1 for option in case.options)


def behaviour(trials: Sequence[Trial], repeated: Sequence[tuple[Trial, Trial]], seconds: Sequence[float]) -> Behaviour:
    """repeated: pairs of the same text graded twice. seconds: of single grades, in no order."""
    scores = [trial.grade.score for trial in trials if trial.grade.score is not None]
    crashes = [trial for trial in trials if trial.crashed]
    unusable = [t for t in trials if t.probe is OWN and t.grade.score is None and not t.crashed]
    ordered = sorted(seconds)
    return Behaviour(
        num_grades=len(trials),
        crashed=len(crashes),
        crashes=_reasons(crashes, lambda trial: f"{trial.grade.errors[0]}: {trial.grade.reason}"),
        unusable=len(unusable),
        unusable_reasons=_reasons(unusable, lambda trial: trial.grade.reason),
        unstable=sum(_numbers(one) != _numbers(two) for one, two in repeated),
        repeated=len(repeated),
        score_values=len({round(score, 6) for score in scores}),
        score_deviation=statistics.pstdev(scores) if scores else 0.0,
        seconds_p50=ordered[len(ordered) // 2] if ordered else 0.0,
        seconds_p99=ordered[int(0.99 * (len(ordered) - 1))] if ordered else 0.0,
    )


def worst(trials: Sequence[Trial]) -> tuple[Example, ...]:
    """Crashes on right answers, then the wrong grades furthest from what was wanted; each probe once before any twice.

    Where only the rows' own answers fail, these are those rows.
    """
    bad = [trial for trial in trials if trial.wrong or (trial.crashed and trial.probe.wanted == "high")]
    seen: Counter[str] = Counter()
    ranked = []
    for trial in sorted(bad, key=lambda trial: -_harm(trial)):
        ranked.append((seen[trial.probe.name], trial))
        seen[trial.probe.name] += 1
    chosen = [trial for _, trial in sorted(ranked, key=lambda pair: pair[0])]
    return tuple(map(_example, chosen[:_EXAMPLES]))


def _harm(trial: Trial) -> float:
    """How far from what was wanted; a refused own answer weighs most, for then training works against the data."""
    score = 0.1 if trial.grade.score is None else trial.grade.score
    return 1 - score + (trial.probe is OWN) if trial.probe.wanted == "high" else score


def _example(trial: Trial) -> Example:
    return Example(
        row=trial.case.row.number,
        probe=trial.probe.name,
        wanted=trial.probe.wanted,
        completion=_cut(trial.text),
        reference=_cut(str(trial.case.row.expected)),
        score=trial.grade.score,
        reason=_cut(trial.grade.reason),
    )


def _numbers(trial: Trial) -> tuple[float | None, float | None]:
    return trial.grade.score, trial.grade.raw


def _reasons(trials: Iterable[Trial], said: Callable[[Trial], str]) -> dict[str, int]:
    return dict(Counter(_cut(said(trial)) for trial in trials).most_common(_REASONS))


def _mean(scores: Iterable[float | None]) -> float | None:
    found = [score for score in scores if score is not None]
    return math.fsum(found) / len(found) if found else None


def _cut(text: str) -> str:
    """A quote that any terminal and any JSON reader can take."""
    shown = text[: 4 * _CHARS].replace("\r\n", "\n").expandtabs(4).encode("utf-8", "replace").decode()
    shown = _CONTROL.sub("\ufffd", shown)
    return shown if len(shown) <= _CHARS else shown[: _CHARS - 1] + "…"
