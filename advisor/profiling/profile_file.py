"""A data file → DataReport: all rows counted by DuckDB, a seeded sample read by the loader, and what follows."""

from collections.abc import Iterable
from pathlib import Path

from advisor.profiling.counts import leaked
from advisor.profiling.database import Database, database
from advisor.profiling.findings_all import Whole, whole_findings
from advisor.profiling.findings_leak import leak_findings
from advisor.profiling.measure import Measured, measure, measure_test
from advisor.profiling.record import DataReport, ProfileFinding
from advisor.profiling.row_numbers import row_numbers
from advisor.profiling.sample import SEED
from advisor.profiling.seen import Seen, look
from advisor.profiling.summary import answers_as, fit_of, guess_of, labels_of
from advisor.profiling.tokens import token_counter
from pipelines.data.answer_kind import answer_text
from pipelines.data.spec import DataSpec

_ORDER = {"blocking": 0, "warning": 1, "info": 2}


def profile_file(spec: DataSpec, base: Path, model: str | None = None) -> DataReport:
    """Looks at `spec.train` and, for leaks, at `spec.test`. model: whose tokenizer counts; None estimates.

    Raises UserError for what cannot be read at all; what can is measured, and its faults are findings.
    """
    counter = token_counter(model, base)
    with database() as opened:
        train = measure(spec.train, spec, base, opened, lambda rows, kind: look(rows, kind, counter))
        leaks, num_test = _leaks(train, spec, base, opened) if spec.test else ([], None)
    assert train.seen is not None
    whole = _whole(train)
    found = [*leaks, *whole_findings(whole), *(_by_number(one, train) for one in train.seen.findings)]
    return _report(spec, train, train.seen, whole.answer, num_test, _sorted(found))


def _report(
    spec: DataSpec,
    train: Measured,
    seen: Seen,
    commonest: str,
    num_test: int | None,
    findings: tuple[ProfileFinding, ...],
) -> DataReport:
    counts, kind = train.counts, train.kind
    return DataReport(
        source=spec.train,
        test=spec.test,
        layout=train.rows.layout,
        roles=dict(train.rows.roles),
        notes=train.rows.notes,
        num_rows=counts.num_rows,
        num_prompts=counts.num_prompts,
        num_answered=counts.num_answered,
        num_answers=counts.num_answers,
        num_test=num_test,
        empty={column: empty.count for column, empty in counts.empty.items()},
        prompt_chars=counts.prompt_chars,
        answer_chars=counts.answer_chars,
        labels=labels_of(counts, kind.name),
        guess=guess_of(counts, commonest, kind.answers),
        num_sampled=len(train.rows.rows),
        seed=SEED,
        tokens=seen.tokens,
        languages=dict(seen.languages),
        answer_kind=kind.name,
        answers_are=answers_as(kind.name, kind.answers),
        grader=fit_of(kind.name, seen.fit),
        findings=findings,
    )


def _sorted(found: Iterable[ProfileFinding]) -> tuple[ProfileFinding, ...]:
    return tuple(sorted(found, key=lambda one: _ORDER[one.severity]))


def _by_number(finding: ProfileFinding, train: Measured) -> ProfileFinding:
    """A finding of the sample, whose rows are places until the file's lines are counted."""
    return finding.model_copy(update={"rows": tuple(train.numbers[place] for place in finding.rows)})


def _whole(train: Measured) -> Whole:
    counts = train.counts
    first = next((row for row in train.rows.rows if row.number == counts.commonest_place), None)
    short = counts.labels[0][0] if counts.labels and counts.labels[0][1] == counts.commonest else None
    answer = short if short is not None else answer_text(first.expected) if first and first.expected is not None else ""
    return Whole(
        counts=counts,
        numbers=train.numbers,
        kind=train.kind.name,
        same=train.same,
        answer=answer,
        layout=train.rows.layout,
        other=train.other,
        answered=train.texts.answer is not None,
        judged=train.texts.judged,
    )


def _leaks(train: Measured, spec: DataSpec, base: Path, opened: Database) -> tuple[list[ProfileFinding], int]:
    test = measure_test(str(spec.test), spec, base, opened)
    prompts, rows = leaked(opened, "train", "test")
    numbers = row_numbers(test.source, test.counts.num_rows, [*prompts.places, *rows.places])
    same_size = test.counts.num_rows == train.counts.num_rows
    return leak_findings(prompts, rows, test.counts.num_rows, same_size, numbers), test.counts.num_rows
