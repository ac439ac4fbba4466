"""How often a grader is wrong on these rows, measured before hours of training depend on it.

In: a grader and the user's rows. Out: an Audit: for each probe (evals/probes.py) how many rows it got wrong, the rates
of false positives and negatives, what guessing earns, crashes, determinism, latency, and a verdict
(evals/audit_verdict.py). The row's own answer is tried on up to 2,000 rows, everything else on 500; a slow grader gets
fewer, and a note says so. The same call gives the same audit, but for what the grader's own speed decides.
"""

import statistics
import time
from collections.abc import Container, Mapping, Sequence

from graders.base import Grader
from graders.errors import UserError
from pipelines.data.rows import Row
from pipelines.evals.agreement import Scored, agreement, order_consistency, scored
from pipelines.evals.audit_measures import behaviour, guessing, rate, results, worst
from pipelines.evals.audit_record import Audit
from pipelines.evals.audit_verdict import judged
from pipelines.evals.cases import Case, commonest_answer, evenly, make_cases
from pipelines.evals.probes import OWN, PROBES, Probe
from pipelines.evals.trials import Progress, grade_outputs, grade_texts, one_by_one
from pipelines.rewards import answer_of, sample_of

SIZES = ((0.001, 2000, 500), (0.05, 2000, 100), (float("inf"), 50, 20))
"""(seconds a grade at most, rows whose own answer is tried, rows for the other probes)"""
_REPEATED, _COMPARED, _FIRST = 200, 50, 3


def audit(
    grader: Grader, rows: Sequence[Row], most_rows: int | None = None, progress: Progress = lambda done, of: None
) -> Audit:
    """Tries every probe that fits the rows. most_rows: the most rows that any probe is tried on."""
    cases = make_cases(evenly(rows, min(SIZES[0][1], most_rows or SIZES[0][1])))
    _require_working(grader, cases)
    seconds = _seconds_a_grade(grader, cases)
    own_rows, probe_rows = next((own, other) for limit, own, other in SIZES if seconds <= limit)
    own_cases, probe_cases = evenly(cases, own_rows), evenly(cases, probe_rows)
    trials, latencies = grade_texts(grader, [(OWN, case, case.own) for case in own_cases if case.own], progress)
    refused = {trial.case.row.number for trial in trials if not trial.passed}
    more, more_latencies = grade_texts(grader, _planned(probe_cases, refused), progress)
    trials, latencies = [*trials, *more], [*latencies, *more_latencies]
    common = commonest_answer(own_cases)
    constant = [(OWN, case, common.own) for case in probe_cases if case.own] if common else []
    repeated = evenly(trials, min(_REPEATED, 2 * probe_rows))
    again, _ = grade_texts(grader, [(t.probe, t.case, t.text) for t in reversed(repeated)], progress)
    return judged(
        Audit(
            grader=grader.model_dump(mode="json"),
            needs_reference=grader.needs_reference,
            kind=cases[0].kind,
            num_rows=len(rows),
            own_rows=sum(bool(case.own) for case in own_cases),
            probe_rows=len(probe_cases),
            probes=results(trials),
            false_negatives=rate([t for t in trials if t.probe.wanted == "high"]),
            false_positives=rate([t for t in trials if t.probe.wanted == "low"]),
            guessing=guessing(own_cases, common, trials, grade_texts(grader, constant)[0]),
            behaviour=behaviour(trials, list(zip(repeated, reversed(again), strict=True)), latencies),
            order_consistency=order_consistency(trial.grade for trial in trials),
            worst=worst(trials),
            notes=_notes(len(rows), own_cases, probe_cases, seconds),
        )
    )


def compared(
    found: Audit, grader: Grader, texts: Sequence[tuple[Row, str]], raters: Mapping[str, Sequence[Scored]]
) -> Audit:
    """The audit with how the grader agrees on these texts with other raters, by name; the same without any texts."""
    if not texts:
        return found
    grades = grade_outputs(grader, texts)
    ours = scored(grader, grades)
    update = {
        "agreement": tuple(agreement(name, ours, theirs) for name, theirs in raters.items()),
        "order_consistency": order_consistency(grades) or found.order_consistency,
    }
    return judged(found.model_copy(update=update))


def tried_texts(rows: Sequence[Row]) -> list[tuple[Row, str]]:
    """Texts of every kind to compare two graders on where no model has written any yet: right, bad and between."""
    cases = [case for case in make_cases(evenly(rows, _COMPARED)) if case.own]
    own = [(case.row, case.own) for case in cases]
    return (
        own + [(case.row, text) for probe, case, text in _planned(cases, ()) if probe.most_rows is None]
        if cases
        else []
    )


def _planned(cases: Sequence[Case], refused: Container[int]) -> list[tuple[Probe, Case, str]]:
    """Everything but the rows' own answers. Where that was refused, another form of it says nothing new."""
    planned = []
    for probe in PROBES:
        if probe is not OWN and cases[0].kind in probe.kinds:
            for case in evenly(cases, probe.most_rows or len(cases)):
                if probe.wanted == "low" or case.row.number not in refused:
                    planned += [(probe, case, text) for text in probe.texts(case)]
    return planned


def _require_working(grader: Grader, cases: Sequence[Case]) -> None:
    """Three failures at the start are a server that is down or a function that is broken: no audit can wait for 500."""
    for case in evenly(cases, _FIRST):
        grade = grader.grade_all([sample_of(case.row, answer_of(case.own or case.row.prompt))])[0]
        if grade.score is not None or not grade.errors:
            return
    raise UserError(
        f"the grader failed on each of {min(_FIRST, len(cases))} rows tried first: {grade.reason}",
        "a grader that grades",
        "mend it, or start its server, and run the audit again",
    )


def _seconds_a_grade(grader: Grader, cases: Sequence[Case]) -> float:
    """Measured on a few, after one that starts whatever the grader starts on first use.

    The median where each is graded by itself, since one pause of the machine is no sign of a slow grader. A batch is
    timed once: a judge answers a second time from its cache.
    """
    samples = [sample_of(case.row, answer_of(case.own or case.row.prompt)) for case in cases[:8]]
    grader.grade_all(samples[:1])
    batches = [[sample] for sample in samples] if one_by_one(grader) else [samples]
    seconds = []
    for batch in batches:
        started = time.perf_counter()
        grader.grade_all(batch)
        seconds.append((time.perf_counter() - started) / len(batch))
    return statistics.median(seconds)


def _notes(num_rows: int, own_cases: Sequence[Case], probe_cases: Sequence[Case], seconds: float) -> tuple[str, ...]:
    notes = []
    if len(probe_cases) < num_rows:
        tried = f"own answers on {len(own_cases):,} rows" if len(own_cases) < num_rows else "own answers on all rows"
        slow = f", for a grade takes {seconds:.3f} s" if seconds > SIZES[0][0] else ""
        notes.append(f"{num_rows:,} rows: {tried}, the other probes on {len(probe_cases):,}{slow}")
    if own_cases[0].kind == "none":
        notes.append("the rows hold no answer that could be tried, only what the grader needs")
    return tuple(notes)
