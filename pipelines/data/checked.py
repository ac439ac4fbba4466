"""The data of a plan, refused where a check finds an error: what every stage calls."""

from pathlib import Path

from graders.errors import UserError
from pipelines.data.checks import errors_in
from pipelines.data.load import rows_from
from pipelines.data.rows import Finding, Row, Rows, Split
from pipelines.data.source import read_table
from pipelines.data.spec import DataSpec
from pipelines.data.split import load_split, split_beside
from pipelines.data.table import listed
from pipelines.data.template import template_columns


def load_checked(spec: DataSpec, base: Path) -> Split:
    """Loads and splits; raises UserError that lists every finding of severity error with its rows."""
    split = load_split(spec, base)
    _require_sound([split.train, split.validation, split.test], split.train.source)
    return split


def load_preferences(spec: DataSpec, base: Path) -> Split:
    """What preferences are learned from: the rows of `data.preferences`, or the plan's own where none are named.

    Raises UserError as load_checked does.
    """
    split = load_checked(spec, base)
    if spec.preferences is None:
        return split
    return split_beside(checked_preferences(spec, base), split, spec)


def checked_preferences(spec: DataSpec, base: Path) -> Rows:
    """The rows of `data.preferences`; raises UserError for findings of severity error."""
    rows = read_preferences(spec, base)
    _require_sound([rows], rows.source)
    return rows


def read_preferences(spec: DataSpec, base: Path) -> Rows:
    """The rows of `data.preferences`. Templates of the plan are filled where the file has their columns."""
    table = read_table(str(spec.preferences), base)
    templates = {"prompt": spec.prompt, "system": spec.system}
    kept = {role: text for role, text in templates.items() if _fits(text, table.columns)}
    return rows_from(table, DataSpec(train=table.source, placeholders=spec.placeholders, **kept))


def _fits(template: str | None, columns: tuple[str, ...]) -> bool:
    """A system message may have no place to fill at all."""
    return template is not None and set(template_columns(template, columns)) <= set(columns)


def _require_sound(parts: list[Rows], source: str) -> None:
    """Parts of one file are looked at as one: which row fell into which part mends nothing."""
    files: dict[str, list[Row]] = {}
    for part in parts:
        files.setdefault(part.source, []).extend(part.rows)
    read = {part.source: part for part in reversed(parts)}
    faults = [
        f"{name}: {_told(finding)}" if name != source else _told(finding)
        for name, rows in files.items()
        for finding in errors_in(read[name].only(sorted(rows, key=lambda row: row.number)))
    ]
    if faults:
        raise UserError("\n".join(["the data has errors:", *faults]), "rows that can be trained on", where=source)


def _told(finding: Finding) -> str:
    found = f"{finding.message} (rows {listed(finding.rows)})"
    return f"{found}; {finding.fix}" if finding.fix else found
