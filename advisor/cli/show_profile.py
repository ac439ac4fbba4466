"""A DataReport for the terminal: what the file is, its numbers, then what was found, the worst first."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from advisor.cli.console import print_indented
from advisor.profiling.record import DataReport, ProfileFinding, Sizes
from pipelines.language import shown

_STYLES = {"blocking": "bold red", "warning": "yellow", "info": "cyan"}
_FEW = 8


def show_profile(console: Console, report: DataReport) -> None:
    """Everything that `profile` found."""
    head = f": {report.num_rows:,} rows, {report.layout}"
    console.print(Text.assemble((report.source, "bold"), shown(head)))
    console.print(_roles(report))
    for line in _lines(report):
        print_indented(console, Text(shown(line)))
    console.print()
    for finding in report.findings:
        print_indented(console, _finding(finding))
    if not report.findings:
        console.print(shown("  nothing to complain of"))


def _roles(report: DataReport) -> Table:
    table = Table(*map(shown, ("role", "column", "empty")), box=None, header_style="dim", padding=(0, 2))
    for role, column in report.roles.items():
        table.add_row(role, column, f"{report.empty.get(column, 0):,}")
    for column, count in report.empty.items():
        if column not in report.roles.values():
            table.add_row("", column, f"{count:,}", style="dim")
    return table


def _lines(report: DataReport) -> Iterator[str]:
    yield f"{report.num_prompts:,} different prompts"
    if report.answers_are not in ("preferences", "ratings", "none"):
        yield f"{report.num_answered:,} rows have an answer, {report.num_answers:,} different"
    if report.num_test is not None:
        yield f"test file: {report.num_test:,} rows"
    yield from _sizes("prompt", "characters", report.prompt_chars)
    yield from _sizes("answer", "characters", report.answer_chars)
    if report.labels is not None:
        few = ", ".join(f"{label} {count:,}" for label, count in report.labels.commonest[:3])
        label, count = report.labels.rarest[0]
        yield f"labels: {report.labels.kinds:,}: {few} ... {label} {count:,}"
    if report.guess is not None:
        where = "" if report.guess.scope == "all rows" else " of the sample"
        said = "" if report.guess.answer is None else f" ({_cut(report.guess.answer)})"
        yield f"guess rate: {report.guess.share:.1%}{where}{said}"
    yield ""
    every = "all of them" if report.num_sampled == report.num_rows else f"drawn with seed {report.seed}"
    yield f"of {report.num_sampled:,} rows, {every}:"
    kind, are = (shown(word.replace("_", " ")) for word in (report.answer_kind, report.answers_are))
    yield f"answers: {kind}, {are}"
    yield f"grader: {report.grader.sentence}"
    shares = [f"{code} {count / report.num_sampled:.0%}" for code, count in report.languages.items()]
    languages = ", ".join(shares[:4])
    yield f"language: {languages}"
    yield from _sizes("prompt", "tokens", report.tokens.prompt)
    yield from _sizes("answer", "tokens", report.tokens.answer)
    yield f"tokens counted by: {report.tokens.counted_by}"


def _sizes(side: str, unit: str, found: Sizes | None) -> Iterator[str]:
    if found is not None:
        yield (
            f"{shown(side)}: {found.median:,} {shown(unit)} (5 % {found.p5:,}, 95 % {found.p95:,}, 99 % {found.p99:,}, "
            f"{found.least:,} to {found.most:,})"
        )


def _finding(finding: ProfileFinding) -> Text:
    text = Text.assemble((shown(finding.severity), _STYLES[finding.severity]), f"{shown(': ')}{shown(finding.what)}")
    if finding.scope == "sample" and finding.of:
        text.append(shown(" [sample]"), "dim")
    if finding.rows:
        more = " ..." if finding.count > len(finding.rows[:_FEW]) else ""
        rows = f"{', '.join(map(str, finding.rows[:_FEW]))}{more}"
        text.append(shown(f" (rows {rows})"), "dim")
    return text.append(f"\n  {shown(finding.fix)}", "dim") if finding.fix else text


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
