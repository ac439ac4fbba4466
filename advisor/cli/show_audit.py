"""An Audit for the terminal: the verdict first, then why, the table of probes, and the worst grades."""

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor.cli.console import print_indented
from pipelines.evals.audit_record import Audit, Rate
from pipelines.language import shown
from pipelines.wrapped import Wrapped

_COLOUR = {"fit to train": "green", "fix first": "yellow", "unfit": "red", "note": "dim"}


def verdict_line(found: Audit) -> str:
    """One line: the verdict with both rates."""
    name = found.grader.get("type")
    wrong = f"false positives {_rate(found.false_positives)}, false negatives {_rate(found.false_negatives)}"
    return f"{shown(found.verdict)}{shown(': ')}{shown(f'{name} on {found.probe_rows:,} rows: {wrong}')}"


def show_verdict(console: Console, found: Audit) -> None:
    """The verdict and its findings."""
    console.print(Wrapped(Text(verdict_line(found), f"bold {_COLOUR[found.verdict]}")))
    for finding in found.findings:
        fix = f"{shown('; ')}{shown(finding.fix)}" if finding.fix else ""
        said = Text.assemble(
            (f"{shown(finding.severity)}{shown(': ')}", _COLOUR[finding.severity]), shown(finding.message), fix
        )
        print_indented(console, said)


def show_audit(console: Console, found: Audit) -> None:
    """Everything an audit found."""
    show_verdict(console, found)
    console.print()
    console.print(_probes(found))
    console.print()
    for line in _numbers(found):
        console.print(shown(line), highlight=False)
    for example in found.worst:
        console.print()
        score = "no score" if example.score is None else f"{example.score:.2f}"
        console.print(Text(shown(f"row {example.row}, {example.probe} (should be {example.wanted}): {score}"), "bold"))
        for label, text in (
            ("completion", example.completion),
            ("reference", example.reference),
            ("why", example.reason),
        ):
            console.print(Padding(Text(f"{shown(label)}{shown(': ')}{text}"), (0, 0, 0, 2), expand=False))


def _probes(found: Audit) -> Table:
    head = ("should be", "completion", "rows", "wrong", "95 % interval", "mean score")
    table = Table(*map(shown, head), box=None, header_style="dim")
    for probe in found.probes:
        mean = "-" if probe.mean_score is None else f"{probe.mean_score:.3f}"
        low, high = f"{probe.rate.low:.1%}", f"{probe.rate.high:.1%}"
        wrong = Text(f"{probe.rate.wrong:,}", "bold red" if probe.rate.wrong else "")
        table.add_row(
            shown(probe.wanted), shown(probe.name), f"{probe.rate.n:,}", wrong, f"{low}{shown(' to ')}{high}", mean
        )
    return table


def _numbers(found: Audit) -> Iterator[str]:
    seen, guess = found.behaviour, found.guessing
    if guess.chance is not None:
        always = "" if guess.majority is None else f", always {guess.majority_answer!r} {guess.majority:.3f}"
        yield f"guessing: another row's answer earns {guess.chance:.3f} on average{always}"
    yield f"scores: {seen.score_values:,} distinct values, standard deviation {seen.score_deviation:.2f}"
    yield f"repeated: {seen.unstable} of {seen.repeated} grades changed"
    yield f"failed: {seen.crashed:,} of {seen.num_grades:,} grades"
    yield f"latency: p50 {1000 * seen.seconds_p50:.2f} ms, p99 {1000 * seen.seconds_p99:.2f} ms a grade"
    for other in found.agreement:
        spearman = "-" if other.spearman is None else f"{other.spearman:.3f}"
        kappa = "" if other.kappa is None else f", Cohen's kappa {other.kappa:.3f}"
        yield f"against {other.other}: Spearman {spearman}{kappa} (n={other.n:,}, {other.left_out:,} left out)"
    if found.order_consistency is not None:
        yield f"order: {_rate(found.order_consistency)} of the verdicts change with the order of the answers"
    yield from found.notes


def _rate(rate: Rate) -> str:
    return f"{rate.share:.1%} ({rate.low:.1%} to {rate.high:.1%}, n={rate.n:,})" if rate.n else "not tried"
