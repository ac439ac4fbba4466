"""Rows that hold what a model wrote → each output, and its row read as training would read it.

In: a file of any kind the loader knows. The output stands in `completion`, in `sample.output_text` or in
`sample: {output_text: ...}` (OpenAI's), or in a column that is named. All other columns are the item: their roles, and
so the reference, are found as in training. Out: Outputs. A prompt is not needed.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from graders.errors import UserError
from pipelines.data import names
from pipelines.data.load import rows_from
from pipelines.data.rows import Row, Rows
from pipelines.data.source import read_table
from pipelines.data.spec import DataSpec
from pipelines.data.table import Table, did_you_mean, listed
from pipelines.data.template import as_text
from pipelines.data.text import parse_json
from pipelines.data.turns import read_turns

_FLAT, _NESTED = "sample.output_text", "sample"


@dataclass(frozen=True, slots=True)
class Outputs:
    """rows: the items. texts: what a model wrote for each, in the same order. scores: cells of the column with
    people's scores, or empty."""

    rows: Rows
    texts: tuple[str, ...]
    scores: tuple[object, ...] = ()

    def __iter__(self) -> Iterator[tuple[Row, str]]:
        return zip(self.rows.rows, self.texts, strict=True)


@dataclass(frozen=True, slots=True)
class Where:
    """Where outputs stand: their column, else it is found; and the column of people's scores of them, if any."""

    output: str | None = None
    scores: str | None = None


def load_outputs(source: str, spec: DataSpec, base: Path, where: Where = Where()) -> Outputs:
    """Raises UserError where a column or an output is missing, with the rows."""
    table = read_table(source, base)
    column = where.output or output_column(table) or names.find(["completion"], table.columns)
    if column is None or column not in table.columns:
        raise _no_column(table, column)
    return _outputs(table, spec, column, where.scores)


def load_audited(source: str, spec: DataSpec, base: Path, where: Where) -> tuple[Rows, Outputs | None]:
    """Rows as training reads them, with a model's outputs where there are any: in OpenAI's `sample`, or, where people's
    scores are named, in `completion`. Without either, `completion` is the row's own answer."""
    if where.scores is None:
        table = read_table(source, base)
        if output_column(table) is None:
            if where.output:
                spec = spec.model_copy(update={"columns": {**spec.columns, "completion": where.output}})
            return rows_from(table, spec, need_prompt=False), None
    outputs = load_outputs(source, spec, base, where)
    return outputs.rows, outputs


def _outputs(table: Table, spec: DataSpec, column: str, scores: str | None) -> Outputs:
    if scores is not None and scores not in table.columns:
        hint = did_you_mean(scores, table.columns)
        raise UserError(f'no column "{scores}"', f"one of: {listed(table.columns)}", hint, table.source)
    texts = [_output(cells.get(column), nested=column == _NESTED) for _, cells in table.rows]
    if empty := [number for (number, _), text in zip(table.rows, texts, strict=True) if text is None]:
        raise UserError(
            f'rows without an output in "{column}": {listed(empty)} ({len(empty)} of {len(texts)})',
            'a text in every row; an empty answer is written ""',
            "add it, or leave these rows out",
            table.source,
        )
    # The demonstrations that a plan names need not be there, where its model's outputs are.
    known = {role: name for role, name in spec.columns.items() if role != "completion" or name in table.columns}
    columns = {role: name for role, name in known.items() if name != column}
    item = _without(table, {column, scores})
    rows = rows_from(item, spec.model_copy(update={"columns": columns}), need_prompt=False)
    cells = tuple(cells.get(scores) for _, cells in table.rows) if scores else ()
    return Outputs(rows, tuple(text for text in texts if text is not None), cells)


def output_column(table: Table) -> str | None:
    """The column that surely holds outputs: OpenAI's `sample`; None where there is none."""
    if _FLAT in table.columns:
        return _FLAT
    nested = any(_text_in(value) is not None for value in table.values(_NESTED)) if _NESTED in table.columns else False
    return _NESTED if nested else None


def _output(value: object, nested: bool) -> str | None:
    if nested:
        return _text_in(value)
    turns = read_turns(value) if isinstance(value, list) else None
    if turns:
        return str(turns[-1]["content"])
    return value if isinstance(value, str) else as_text(value)


def _text_in(sample: object) -> str | None:
    """The output_text of OpenAI's `sample`, which a CSV holds as JSON text."""
    if isinstance(sample, str) and sample.lstrip().startswith("{"):
        try:
            sample = parse_json(sample)
        except ValueError:
            return None
    text = sample.get("output_text") if isinstance(sample, Mapping) else None
    return text if isinstance(text, str) else None


def _without(table: Table, left_out: Container[str | None]) -> Table:
    rows = tuple((number, {key: cells[key] for key in cells if key not in left_out}) for number, cells in table.rows)
    return Table(table.source, tuple(name for name in table.columns if name not in left_out), rows, table.notes)


def _no_column(table: Table, named: str | None) -> UserError:
    happened = f'there is no column "{named}"' if named else "no column holds what a model wrote"
    return UserError(
        f"{happened}; the columns are: {listed(table.columns)}",
        "a column completion or sample.output_text, or sample: {output_text: ...}",
        "--column completion=NAME",
        table.source,
    )
