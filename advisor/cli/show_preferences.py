"""A PreferenceAudit for the terminal: the verdict first, then what was found, then the numbers behind it."""

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pipelines.data.rows import Finding
from pipelines.preferences.audit_record import Agreement, Annotator, Measures, PreferenceAudit
from pipelines.preferences.shares import Share

_VERDICT = {"fit to train": "green", "fix first": "yellow", "unfit": "red"}
_SEVERITY = {"error": "red", "warning": "yellow", "note": "dim"}
_FEW = 8


def show_preferences(console: Console, found: PreferenceAudit) -> None:
    """Everything that an audit of preferences found."""
    numbers = found.measures
    head = f"{found.verdict}: {numbers.num_pairs:,} pairs of {numbers.num_prompts:,} prompts in {found.source}"
    console.print(Text(head, f"bold {_VERDICT[found.verdict]}"))
    for finding in found.findings:
        console.print(Padding(_said(finding), (0, 0, 0, 2), expand=False))
    console.print()
    for line in _numbers(numbers):
        console.print(line, highlight=False)


def _said(finding: Finding) -> Text:
    rows = ", ".join(map(str, finding.rows[:_FEW])) + (", …" if len(finding.rows) > _FEW else "")
    return Text.assemble(
        (f"{finding.severity}: ", _SEVERITY[finding.severity]),
        finding.message,
        (f" (rows {rows})" if rows else "", "dim"),
        f"; {finding.fix}" if finding.fix else "",
    )


def _numbers(found: Measures) -> Iterator[str]:
    shares = (
        ("longer answer chosen", found.longer),
        ("right without reading (length, marks, lines, first words; cross-validated)", found.surface),
        ("answer in the first column wins", found.first),
        ("votes that are ties", found.ties),
        ("answers that say both are bad", found.both_bad),
    )
    for name, share in shares:
        if share is not None:
            yield f"{name}: {_share(share)}"
    for one in found.generators:
        yield f"answers of {one.name} chosen: {_share(one.won)}"
    if found.held_out is not None:
        yield f"held out: {found.held_out:,} pairs"
    if found.agreement is None:
        yield "agreement: unknown, since no pair was decided by two known annotators; so is a reward model's ceiling"
    else:
        yield from _agreement(found.agreement)
    yield from _annotators(found.annotators)


def _agreement(found: Agreement) -> Iterator[str]:
    two, most = found.pairwise, found.ceiling
    yield f"two annotators agree: {two.value:.1%} ({two.low:.1%} to {two.high:.1%}, n={two.n:,} pairs)"
    yield (
        f"ceiling of a reward model on one more vote: {most.value:.1%} ({most.low:.1%} to {most.high:.1%}); "
        f"at the least {two.value:.1%} can be reached"
    )
    if found.alpha is not None:
        alpha = found.alpha
        yield f"Krippendorff's alpha, with ties: {alpha.value:.2f} ({alpha.low:.2f} to {alpha.high:.2f}, n={alpha.n:,})"
    for one in found.kappas:
        kappa = "-" if one.kappa is None else f"{one.kappa:.2f}"
        yield f"Cohen's kappa of {one.first} and {one.second}, with ties: {kappa} (n={one.n:,})"


def _annotators(found: tuple[Annotator, ...]) -> Iterator[str]:
    for one in found:
        agrees = "" if one.with_majority is None else f", with the majority of the others {_share(one.with_majority)}"
        yield f"{one.name}{' (judge)' if one.judge else ''}: {one.votes:,} votes{agrees}"


def _share(found: Share) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%}, n={found.n:,})"
