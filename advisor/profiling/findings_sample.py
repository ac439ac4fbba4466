"""What the sample shows → findings, each with the n it was looked for in. Pure."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from advisor.grader_fit import GraderFit
from advisor.profiling.counts import Found
from advisor.profiling.extraction import missing_labels
from advisor.profiling.findings_made import Head, make_finding
from advisor.profiling.near import near_duplicates
from advisor.profiling.personal import KINDS, personal
from advisor.profiling.record import ProfileFinding, Severity
from advisor.profiling.sameness import shown
from pipelines.data.checks import CHECKS
from pipelines.data.rows import Finding, Row, Rows

_COUNTED_OVER_ALL = {
    "empty_prompts", "no_answer", "duplicate_rows", "contradictions", "rare_labels", "same_completion", "same_ending",
    "damaged_text", "long_rows",
}  # fmt: skip
"""Checks of the loader's rows that the scan does over all rows."""
_SEVERITY: Mapping[str, Severity] = {"error": "blocking", "warning": "warning", "note": "info"}
_SECOND_LANGUAGE, _KNOWN = 0.02, 0.5
"""Ours: a language of fewer prompts is not named; where most prompts' language is unknown, none is."""
_TESTS = ("test_list", "tests", "test", "unit_tests", "test_code", "test_cases")


def sample_findings(
    rows: Rows, kind: str, fit: GraderFit | None, languages: Mapping[str, int], file: str
) -> list[ProfileFinding]:
    """All that the sample shows. file: as the user wrote it, for the commands that look closer."""
    return [
        *_checked(rows),
        *closer_findings(rows.rows, kind),
        *_languages(rows.rows, languages),
        *_graders(rows.rows, kind, fit, file),
        *_pairs(rows.rows, file),
    ]


def closer_findings(rows: Sequence[Row], kind: str) -> list[ProfileFinding]:
    """What no check of training looks for: nearly equal prompts, labels that are not in the text, personal data."""
    return [*_near(rows), *_missing(rows, kind), *_personal(rows)]


def _of(
    check: str, severity: Severity, members: Sequence[Row], of: int, what: str, fix: str = ""
) -> Iterator[ProfileFinding]:
    if members:
        numbers = [row.number for row in members]
        found = Found(len(numbers), tuple(numbers[:20]))
        yield make_finding(
            Head(check, severity, "sample"), found, of, what, fix, {number: number for number in numbers}
        )


def _checked(rows: Rows) -> Iterator[ProfileFinding]:
    """The checks that training makes, but for those that were done over all rows."""
    found: list[Finding] = []
    for check in CHECKS:
        if check.__name__ not in _COUNTED_OVER_ALL:
            found += check(rows)
    for one in found:
        yield ProfileFinding(
            check=one.check,
            severity=_SEVERITY[one.severity],
            what=one.message,
            count=one.count,
            of=len(rows.rows),
            share=one.count / len(rows.rows),
            scope="sample",
            rows=one.rows,
            fix=one.fix,
        )


def _near(rows: Sequence[Row]) -> Iterator[ProfileFinding]:
    what = "{n} of {of} prompts ({share}) are nearly an earlier one (4/5 of the runs of five words, or all but signs)"
    fix = "keep one of each, or keep them on one side of the split"
    yield from _of("near_duplicates", "warning", near_duplicates(rows), len(rows), what, fix)


def _missing(rows: Sequence[Row], kind: str) -> Iterator[ProfileFinding]:
    for one in missing_labels(rows, kind):
        there = 1 - len(one.rows) / one.of
        across = f"; {one.across_lines:,} of these are there across line ends and spaces" if one.across_lines else ""
        what = (
            f'label is not in the text: {{n}} of {{of}} values of "{one.field}" are not word for word in their prompt '
            f"({{share}}){across}"
        )
        severity: Severity = "warning" if there < 0.9 else "info"
        fix = f"compare {one.field} with a fuzzy rule or without spaces, not exactly, or mend the labels"
        yield from _of("label_not_in_text", severity, one.rows, one.of, what, fix if severity == "warning" else "")


def _personal(rows: Sequence[Row]) -> Iterator[ProfileFinding]:
    held: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        text = "\n".join([*(str(turn["content"]) for turn in row.messages), shown(row), row.rejected or ""])
        for kind in personal(text):
            held[kind].append(row)
    for kind in KINDS:
        what = f"{{n}} of {{of}} rows ({{share}}) seem to hold {kind}, which a model may learn by heart and write"
        fix = "revoke them and take them out" if kind == "keys" else "take them out or replace them, if they are real"
        yield from _of(f"holds_{kind.replace(' ', '_').replace('-', '')}", "warning", held[kind], len(rows), what, fix)


def _languages(rows: Sequence[Row], languages: Mapping[str, int]) -> Iterator[ProfileFinding]:
    known = Counter({code: number for code, number in languages.items() if code != "unknown"})
    total = known.total()
    several = [(code, number) for code, number in known.most_common() if number >= _SECOND_LANGUAGE * total]
    if len(several) > 1 and total >= _KNOWN * len(rows):
        told = ", ".join(f"{code} {number / total:.0%}" for code, number in several)
        found = Found(total - several[0][1])
        what = f"prompts in several languages: {told}"
        fix = "look at each one's own pass rate"
        yield make_finding(Head("languages", "info", "sample"), found, len(rows), what, fix, {})


def _graders(rows: Sequence[Row], kind: str, fit: GraderFit | None, file: str) -> Iterator[ProfileFinding]:
    if fit is not None and fit.problem:
        refused = Found(fit.tried - fit.accepted or fit.tried, fit.refused)
        head = Head("grader_does_not_fit", "warning", "sample")
        what = f"{fit.grader.type} does not fit these answers: {fit.problem}"
        yield make_finding(head, refused, fit.tried, what, "", {place: place for place in fit.refused})
    tests = next((name for name in _TESTS if rows and name in rows[0].columns), None)
    if kind == "code" and tests:
        what = (
            f'answers are code and "{tests}" holds tests: `code_tests` grades it; some golds may fail their own tests'
        )
        fix = f"finetune-advisor grade audit grader.yaml {shlex.quote(file)} runs every gold and names those that fail"
        found = Found(len(rows))
        yield make_finding(Head("tests_of_code", "info", "sample"), found, len(rows), what, fix, {})


def _pairs(rows: Sequence[Row], file: str) -> Iterator[ProfileFinding]:
    pairs = [row for row in rows if row.is_pair]
    what = "{n} of {of} rows give a preference pair"
    fix = (
        f"finetune-advisor preferences audit {shlex.quote(file)} looks at them together: length bias, order, annotators"
    )
    if pairs:
        yield make_finding(Head("preferences", "info", "sample"), Found(len(pairs)), len(rows), what, fix, {})
