"""Data as the user has it → Rows: the one loader that profile, checks, probe and training share.

In: a file (JSON lines, JSON, CSV, TSV, parquet; text may be gzipped), a folder saved by `datasets`, or a hub id.
Out: Rows with their layout, the role of each column and notes for the user. All rows are held in memory.
"""

from pathlib import Path

from pipelines.data.build import build_rows
from pipelines.data.notes import row_notes
from pipelines.data.placeholders import fill_placeholders
from pipelines.data.roles import find_roles
from pipelines.data.rows import Rows
from pipelines.data.source import read_table
from pipelines.data.spec import DataSpec
from pipelines.data.table import Table
from pipelines.data.template import check_template
from pipelines.data.worked import worked_alone


def load_rows(source: str, spec: DataSpec, base: Path) -> Rows:
    """All rows of `source` (a path relative to `base`, or a hub id), read as `spec` says; `spec.limit` is not applied.

    Raises UserError for everything that the user can mend, with the file and the line.
    """
    return rows_from(read_table(source, base), spec)


def rows_from(table: Table, spec: DataSpec, need_prompt: bool = True) -> Rows:
    """The rows of a table that is already read. Without a prompt they can be graded, not trained on."""
    for template in (spec.prompt, spec.system):
        if template is not None:
            check_template(template, table.columns, table.source, constant=template is spec.system)
    reading = find_roles(table, spec, need_prompt)
    rows = build_rows(table, reading, spec)
    rows, filled = fill_placeholders(rows) if spec.placeholders == "fill" else (rows, ())
    notes = (*table.notes, *row_notes(reading, rows), *filled)
    if spec.demonstrations == "worked":
        rows, compared = worked_alone(rows)
        notes = (*notes, *compared)
    return Rows(table.source, reading.layout, reading.roles, rows, notes, reading.comparison)
