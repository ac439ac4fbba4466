"""An Audit → its findings and verdict. Pure; every threshold stands here with its source."""

from collections.abc import Iterator

from pipelines.evals.audit_record import Agreement, Audit, Finding, ProbeResult, Severity, Verdict
from pipelines.evals.probes import OWN
from pipelines.evals.trials import HALF_CREDIT

OWN_ACCEPTED = 0.98
"""Of the rows' own answers. Ours: 2 % of wrong labels are common in public sets (mbpp: 3 of 974 fail their tests)."""
OWN_UNFIT = 0.9
"""Below this the grader or the data is about another task: the reward works against the labels."""
REWORDED_REFUSED = 0.05
"""Of right answers in another form. Ours: a small rate of parse errors is normal early in RFT (OpenAI's RFT guide)."""
BAD_ACCEPTED = 0.02
"""Of rows on which one kind of bad completion gets half the credit. Azure's RFT skill allows none of five."""
BAD_UNFIT = 0.1
"""A hack that works on one row in ten is found within a few groups of eight completions (contract.py's allowance)."""
CRASHED_UNFIT = 0.05
UNUSABLE = 0.02
MAJORITY = 0.8
"""Mean reward of one constant answer."""
LUCKY = 0.2
"""The same after a derivation: one of five letters. ReFT gained nothing so on MathQA (arXiv:2401.08967)."""
SPEARMAN_OK, SPEARMAN_FIX = 0.8, 0.6
"""Between training grader and evaluation grader on 50 outputs (Azure's RFT skill)."""
KAPPA_FIX = 0.6
"""Substantial agreement begins here (Landis & Koch 1977)."""
ORDER_FIX = 0.9
"""Of verdicts that must not change with the order of the answers (LLMBar's best judges reach 0.95)."""
_ORDER: tuple[Severity, ...] = ("note", "fix first", "unfit")


def judged(audit: Audit) -> Audit:
    """The same audit with its findings, the gravest first, and the verdict that follows from them."""
    found = sorted(_findings(audit), key=lambda finding: -_ORDER.index(finding.severity))
    gravest = found[0].severity if found else "note"
    verdict: Verdict = "fit to train" if gravest == "note" else gravest
    return audit.model_copy(update={"findings": tuple(found), "verdict": verdict})


def _findings(audit: Audit) -> Iterator[Finding]:
    yield from _scored(audit)
    for probe in audit.probes:
        if probe.wanted == "low":
            yield from _bad(audit, probe)
        else:
            yield from _own(probe) if probe.name == OWN.name else _reworded(probe)
    yield from _guessing(audit)
    yield from _behaviour(audit)
    for agreement in audit.agreement:
        yield from _agreement(agreement)
    if (order := audit.order_consistency) and order.n and 1 - order.share < ORDER_FIX:
        message = f"the judge contradicts itself when the answers change places: {order.wrong} of {order.n} verdicts"
        yield Finding(severity="fix first", message=message, fix="count only verdicts that hold in both orders")


def _scored(audit: Audit) -> Iterator[Finding]:
    if not any(probe.rate.n for probe in audit.probes):
        reasons = {**audit.behaviour.crashes, **audit.behaviour.unusable_reasons}
        why = next(iter(reasons), "no reason given")
        yield Finding(severity="unfit", message=f"it scored no row at all: {why}")
    elif not audit.own_rows:
        message = "no row has a right answer to try, so nothing is known of false negatives"
        yield Finding(
            severity="note", message=message, fix="name the column: --column completion=NAME or reference=NAME"
        )
    elif audit.behaviour.unusable:
        n, of = audit.behaviour.unusable, audit.own_rows
        why = next(iter(audit.behaviour.unusable_reasons))
        severity: Severity = "fix first" if n > UNUSABLE * of else "note"
        yield Finding(
            severity=severity, message=f"{n:,} of {of:,} rows cannot be graded: {why}", fix="mend or drop them"
        )


def _own(probe: ProbeResult) -> Iterator[Finding]:
    share, rows = 1 - probe.rate.share, _rows(probe)
    if probe.rate.wrong:
        message = f"{probe.rate.wrong:,} of {probe.rate.n:,} rows' own answers do not pass{rows}"
        severity: Severity = "note" if share >= OWN_ACCEPTED else "fix first" if share >= OWN_UNFIT else "unfit"
        reached = (
            f" (their mean score is {probe.mean_score:.2f}: lower pass_at?)"
            if share < OWN_ACCEPTED and (probe.mean_score or 0) >= HALF_CREDIT
            else ""
        )
        yield Finding(severity=severity, message=message, fix=f"mend those rows, or the grader{reached}")


def _reworded(probe: ProbeResult) -> Iterator[Finding]:
    if probe.rate.share > REWORDED_REFUSED:
        message = f"a right answer {probe.name} does not pass in {probe.rate.wrong:,} of {probe.rate.n:,} rows"
        yield Finding(
            severity="fix first",
            message=message,
            fix="accept that form, or let the prompt ask for the only form that passes",
        )


def _bad(audit: Audit, probe: ProbeResult) -> Iterator[Finding]:
    excess = probe.rate.low - probe.by_chance
    if not probe.rate.wrong:
        return
    message = f"{probe.name} scores in {probe.rate.wrong:,} of {probe.rate.n:,} rows{_rows(probe)}"
    if not audit.needs_reference:
        fix = "combine it with a grader of content: a reward of form alone is hacked"
        yield Finding(severity="note", message=message, fix=fix)
        return
    unfit = excess > 0 and probe.rate.share - probe.by_chance > BAD_UNFIT
    fix_first = probe.rate.share - probe.by_chance > BAD_ACCEPTED
    severity: Severity = "unfit" if unfit else "fix first" if fix_first else "note"
    yield Finding(severity=severity, message=message, fix="see the examples, and refuse such text")


def _guessing(audit: Audit) -> Iterator[Finding]:
    guess = audit.guessing
    if guess.majority is not None and guess.majority > MAJORITY:
        message = f"always answering {guess.majority_answer!r} earns {guess.majority:.2f} on average"
        yield Finding(severity="fix first", message=message, fix="balance the labels, or score rare ones higher")
    elif guess.majority is not None and guess.derived and guess.majority >= LUCKY:
        message = f"luck pays: always answering {guess.majority_answer!r} earns {guess.majority:.2f}"
        fix = "ask for the answer itself, such as the number, or grade the reasoning too; RFT gains little like this"
        yield Finding(severity="fix first", message=f"{message}, whatever was reasoned before", fix=fix)
    if audit.needs_reference and audit.behaviour.score_values == 1:
        message = "every completion gets the same score, so there is nothing to learn from"
        yield Finding(severity="unfit", message=message)


def _behaviour(audit: Audit) -> Iterator[Finding]:
    seen = audit.behaviour
    if seen.crashed:
        why = next(iter(seen.crashes))
        message = f"the grader failed on {seen.crashed:,} of {seen.num_grades:,} completions: {why}"
        severity: Severity = "unfit" if seen.crashed > CRASHED_UNFIT * seen.num_grades else "fix first"
        yield Finding(severity=severity, message=message, fix="score what it cannot read 0 instead of failing")
    if seen.unstable:
        message = f"the same completion got another score {seen.unstable} of {seen.repeated} times"
        yield Finding(severity="fix first", message=message, fix="fix its seed, or its judge's temperature at 0")


def _agreement(found: Agreement) -> Iterator[Finding]:
    if found.spearman is not None and found.spearman < SPEARMAN_OK:
        severity: Severity = "fix first" if found.spearman < SPEARMAN_FIX else "note"
        message = f"its order agrees with {found.other} only at Spearman {found.spearman:.2f} (n={found.n:,})"
        yield Finding(severity=severity, message=message, fix=f"at least {SPEARMAN_OK}; read where they differ most")
    if found.kappa is not None and found.kappa < KAPPA_FIX:
        message = f"its verdicts agree with {found.other} only at kappa {found.kappa:.2f} (n={found.n:,})"
        yield Finding(severity="fix first", message=message, fix=f"at least {KAPPA_FIX}; read where they differ")


def _rows(probe: ProbeResult) -> str:
    more = ", …" if probe.rate.wrong > len(probe.rows[:8]) else ""
    rows = f"{', '.join(map(str, probe.rows[:8]))}{more}"
    return f" (rows {rows})"
