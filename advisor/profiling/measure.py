"""One file → Measured: the sample first, since it says which column plays which role, what kind the answers are and how
they mostly begin and end; then one pass over all rows, while the sample is looked at.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from advisor.profiling.counts import Counts, count
from advisor.profiling.database import Database
from advisor.profiling.row_numbers import row_numbers
from advisor.profiling.sameness import sameness
from advisor.profiling.sample import Sample, draw_sample
from advisor.profiling.scan import Sameness, scan
from advisor.profiling.seen import Kind, Seen, kind_of
from advisor.profiling.source import Source, open_source, through_loader, unreadable, with_parquet_columns
from advisor.profiling.texts import Texts, texts_of
from graders.errors import UserError
from pipelines.data.load import rows_from
from pipelines.data.other_layout import other_layout
from pipelines.data.roles import find_roles
from pipelines.data.rows import Rows
from pipelines.data.spec import DataSpec
from pipelines.data.split import without_absent_answers
from pipelines.data.table import make_table

Look = Callable[[Rows, Kind], Seen]


@dataclass(frozen=True, slots=True)
class Measured:
    """One file. rows: the sample, numbered by place from 0. numbers: place → row number, of the sample and of every
    example. other: the layout of rows that have no prompt as the others are read. seen: None where nobody looked."""

    source: Source
    rows: Rows
    texts: Texts
    kind: Kind
    same: Sameness
    counts: Counts
    numbers: Mapping[int, int]
    other: str
    seen: Seen | None


def measure(name: str, spec: DataSpec, base: Path, opened: Database, look: Look) -> Measured:
    """The training file; `look` sees its sample. A table that DuckDB refuses goes through the loader, which reads stray
    quotes, or says which line is wrong. Raises UserError for what cannot be read."""
    return _measure(name, spec, base, opened, "train", look)


def measure_test(name: str, spec: DataSpec, base: Path, opened: Database) -> Measured:
    """The test file, as far as leaks need it. It need not have every answer column of the training file."""
    return _measure(name, spec, base, opened, "test", None)


def _measure(name: str, spec: DataSpec, base: Path, opened: Database, table: str, look: Look | None) -> Measured:
    import duckdb

    source = open_source(name, base, opened.folder)
    try:
        return _measured(with_parquet_columns(source, opened.connection), spec, opened, table, look)
    except duckdb.Error as error:
        if source.format == "lines":
            raise unreadable(source, error) from error
        return _measured(through_loader(source, base, opened.folder), spec, opened, table, look)


def _measured(source: Source, spec: DataSpec, opened: Database, table: str, look: Look | None) -> Measured:
    sample = draw_sample(source, opened)
    spec = spec if look else without_absent_answers(spec, sample.table)
    rows = _rows(source, sample, spec)
    texts = texts_of(find_roles(sample.table, spec), spec, sample.table)
    kind = kind_of(rows)
    same = sameness(rows.rows, kind.name)

    def counted() -> Counts:
        scan(source, texts, same, sample.prefix, opened, table)
        return count(opened, table, texts.columns)

    with ThreadPoolExecutor(1) as beside:
        counting = beside.submit(counted)  # DuckDB lets go of Python's lock while it works
        seen = look(rows, kind) if look else None
        counts = counting.result()
    numbers = row_numbers(source, counts.num_rows, [*_places(counts), *(row.number for row in rows.rows)])
    return Measured(source, rows, texts, kind, same, counts, numbers, other_layout(rows)[0], seen)


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
