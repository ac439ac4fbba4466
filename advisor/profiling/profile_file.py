"""A data file → DataReport: all rows counted by DuckDB, a seeded sample read by the loader, and what follows.

Order: the sample first, since it says which column plays which role, what kind the answers are and how they mostly begin
and end; then one pass over all rows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from advisor.grader_fit import GraderFit, fit_grader, try_grader
from advisor.profiling.counts import Counts, count, leaked
from advisor.profiling.database import Database, database
from advisor.profiling.findings_all import Whole, whole_findings
from advisor.profiling.findings_leak import leak_findings
from advisor.profiling.findings_sample import sample_findings
from advisor.profiling.label_kind import label_kind
from advisor.profiling.language import language
from advisor.profiling.record import DataReport, ProfileFinding
from advisor.profiling.row_numbers import row_numbers
from advisor.profiling.sameness import sameness
from advisor.profiling.sample import SEED, Sample, draw_sample
from advisor.profiling.scan import Sameness, scan
from advisor.profiling.source import Source, open_source, through_loader, unreadable, with_parquet_columns
from advisor.profiling.summary import answers_as, fit_of, guess_of, labels_of, sizes, tokens_of
from advisor.profiling.texts import Texts, texts_of
from advisor.profiling.tokens import token_counter
from graders.errors import UserError
from graders.math import Math
from pipelines.data.answer_kind import AnswerKind, answer_kind, answer_text
from pipelines.data.load import rows_from
from pipelines.data.roles import find_roles
from pipelines.data.rows import Rows
from pipelines.data.spec import DataSpec
from pipelines.data.split import without_absent_answers
from pipelines.data.table import Table, make_table

_ORDER = {"blocking": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Measured:
    """One file. rows: the sample. numbers: place → row number, of the sample and of every example."""

    source: Source
    rows: Rows
    texts: Texts
    answers: AnswerKind
    kind: str
    same: Sameness
    counts: Counts
    numbers: Mapping[int, int]
    other: str


def profile_file(spec: DataSpec, base: Path, model: str | None = None) -> DataReport:
    """Looks at `spec.train` and, for leaks, at `spec.test`. model: whose tokenizer counts; None estimates.

    Raises UserError for what cannot be read at all; what can is measured, and its faults are findings.
    """
    counted_by, counter = token_counter(model, base)
    with database() as opened:
        train = _measure(spec.train, spec, base, opened, "train")
        leaks, num_test = _leaks(train, spec, base, opened) if spec.test else ([], None)
    rows, counts = train.rows.rows, train.counts
    fit = _fit(train)
    languages = dict(Counter(language(row.prompt) for row in rows).most_common())
    whole = _whole(train)
    found = [
        *leaks,
        *whole_findings(whole),
        *sample_findings(train.rows, train.kind, fit, languages, spec.train),
    ]
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
        prompt_chars=sizes(counts.prompt_chars),
        answer_chars=sizes(counts.answer_chars),
        labels=labels_of(counts, train.kind),
        guess=guess_of(counts, whole.answer, train.answers),
        num_sampled=len(rows),
        seed=SEED,
        tokens=tokens_of(rows, counted_by, counter),
        languages=languages,
        answer_kind=train.kind,
        answers_are=answers_as(train.kind, train.answers),
        grader=fit_of(train.kind, fit),
        findings=_sorted(found),
    )


def _sorted(found: Iterable[ProfileFinding]) -> tuple[ProfileFinding, ...]:
    return tuple(sorted(found, key=lambda one: _ORDER[one.severity]))


def _measure(name: str, spec: DataSpec, base: Path, opened: Database, table: str) -> Measured:
    """A table that DuckDB refuses goes through the loader, which reads stray quotes, or says which line is wrong."""
    import duckdb

    source = open_source(name, base, opened.folder)
    try:
        return _measured(with_parquet_columns(source, opened.connection), spec, opened, table)
    except duckdb.Error as error:
        if source.format == "lines":
            raise unreadable(source, error) from error
        return _measured(through_loader(source, base, opened.folder), spec, opened, table)


def _measured(source: Source, spec: DataSpec, opened: Database, table: str) -> Measured:
    sample = draw_sample(source, opened)
    spec = without_absent_answers(spec, sample.table) if table != "train" else spec
    reading = find_roles(sample.table, spec)
    rows = _rows(source, sample, spec)
    answers = answer_kind(rows.rows)
    kind = label_kind(rows.rows, answers)
    same = sameness(rows.rows, kind)
    texts = texts_of(reading, spec, sample.table)
    scan(source, texts, same, sample.prefix, opened, table)
    counts = count(opened, table, texts.columns)
    numbers = row_numbers(source, counts.num_rows, [*_places(counts), *(row.number for row in rows.rows)])
    numbered = rows.only(replace(row, number=numbers[row.number]) for row in rows.rows)
    other = _other_layout(sample.table, rows, spec)
    return Measured(source, numbered, texts, answers, kind, same, counts, numbers, other)


def _rows(source: Source, sample: Sample, spec: DataSpec) -> Rows:
    """The sample's rows, numbered by place. A row that cannot be built is named by its line."""
    try:
        return rows_from(sample.table, spec)
    except UserError:
        numbers = row_numbers(source, -1, (place for place, _ in sample.table.rows))
        rows_from(make_table(source.name, [(numbers[place], cells) for place, cells in sample.table.rows]), spec)
        raise


def _places(counts: Counts) -> list[int]:
    found = [counts.duplicates, counts.again, counts.disputed, *counts.flags.values(), *counts.empty.values()]
    return [place for one in found for place in one.places]


def _other_layout(table: Table, rows: Rows, spec: DataSpec) -> str:
    """The layout of the rows that have no prompt as the others are read, and their columns; "" where they have none."""
    lacking = {row.number for row in rows.rows if not row.prompt.strip()}
    cells = [(number, values) for number, values in table.rows if number in lacking]
    if not cells or len(cells) == len(table.rows):
        return ""
    try:
        other = make_table(table.source, cells)
        reading = find_roles(other, DataSpec(train=spec.train))
    except UserError:
        return ""
    if any(row.prompt.strip() for row in rows_from(other, DataSpec(train=spec.train)).rows):
        return f"{reading.layout} ({', '.join(dict.fromkeys(reading.columns.values()))})"
    return ""


def _whole(train: Measured) -> Whole:
    counts, rows = train.counts, train.rows
    first = next((row for row in rows.rows if train.numbers.get(counts.commonest_place) == row.number), None)
    short = counts.labels[0][0] if counts.labels and counts.labels[0][1] == counts.commonest else None
    answer = short if short is not None else answer_text(first.expected) if first and first.expected is not None else ""
    return Whole(
        counts=counts,
        numbers=train.numbers,
        kind=train.kind,
        same=train.same,
        answer=answer,
        layout=rows.layout,
        other=train.other,
        answered=train.texts.answer is not None,
        judged=train.texts.judged,
    )


def _fit(train: Measured) -> GraderFit | None:
    if train.kind == "latex":
        return try_grader(Math(), train.rows.rows)
    return fit_grader(train.rows.rows, train.answers) if train.kind == train.answers.kind else None


def _leaks(train: Measured, spec: DataSpec, base: Path, opened: Database) -> tuple[list[ProfileFinding], int]:
    test = _measure(str(spec.test), spec, base, opened, "test")
    prompts, rows = leaked(opened, "train", "test")
    numbers = row_numbers(test.source, test.counts.num_rows, [*prompts.places, *rows.places])
    same_size = test.counts.num_rows == train.counts.num_rows
    return leak_findings(prompts, rows, test.counts.num_rows, same_size, numbers), test.counts.num_rows
