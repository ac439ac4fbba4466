"""CSV and TSV → a Table. Every value stays text; a row's number is the line where it begins."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from graders.errors import UserError
from pipelines.data.table import Cells, Table, listed, make_table

_LONGEST_CELL = 2**31 - 1
_END = "\0"
"""A last row that no file has: where it is swallowed, a quotation mark was never closed."""
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(text: str, where: str) -> Table:
    """Comma, or what the header line shows: semicolon, tab, bar."""
    delimiter = delimiter_of(text)
    notes = (
        ()
        if delimiter == "," or delimiter not in text.split("\n", 1)[0]
        else (f"columns are parted by {_NAMES[delimiter]}",)
    )
    return _read(text, where, delimiter, notes)


def delimiter_of(text: str) -> str:
    """What parts the columns, as the header line shows it."""
    first = text.split("\n", 1)[0]
    return "," if "," in first else max(_NAMES, key=first.count)


def read_tsv(text: str, where: str) -> Table:
    """Quotes are read as in CSV, or, where that cannot be, as plain characters."""
    return _read(text, where, "\t", ())


@dataclass(frozen=True, slots=True)
class _Dialect:
    delimiter: str
    quoting: Literal[0, 3]
    strict: bool
    note: str


class _BrokenRow(Exception):
    """The row that begins at `line` does not keep the rules of quotes."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


def _read(text: str, where: str, delimiter: str, notes: tuple[str, ...]) -> Table:
    """Strictly first; where quotes are stray, in the laxer ways that still give every row its number of values."""
    strict = _Dialect(delimiter, csv.QUOTE_MINIMAL, True, "")
    lax = _Dialect(delimiter, csv.QUOTE_MINIMAL, False, "a stray quotation mark was read as part of its value")
    plain = _Dialect(delimiter, csv.QUOTE_NONE, False, "quotation marks were read as plain characters")
    try:
        return make_table(where, list(_cells(text, where, strict)), notes)
    except _BrokenRow as error:
        broken = error
    for dialect in (plain, lax) if delimiter == "\t" else (lax,):
        try:
            return make_table(where, list(_cells(text, where, dialect)), (*notes, dialect.note))
        except (UserError, _BrokenRow):
            continue
    raise UserError(
        f"the row that begins here cannot be read: {broken.reason}",
        'a text with quotation marks or line ends stands in quotes, with its own quotes doubled: "say ""hi"""',
        "mend the quotes of this row, or save the file as JSON lines",
        f"{where}:{broken.line}",
    )


def _cells(text: str, where: str, dialect: _Dialect) -> Iterator[tuple[int, Cells]]:
    lines = _records(text, dialect)
    header_line, header = next(lines, (1, []))
    names = _header(header, f"{where}:{header_line}")
    for line, values in lines:
        yield line, dict(zip(names, _fitted(values, names, f"{where}:{line}"), strict=True))


def _records(text: str, dialect: _Dialect) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_LONGEST_CELL)
    lines = io.StringIO(f"{text}\n{_END}", newline="")
    reader = csv.reader(lines, delimiter=dialect.delimiter, quoting=dialect.quoting, strict=dialect.strict)
    begins = 1
    values: list[str] = []
    try:
        for values in reader:
            if values and values != [_END]:
                yield begins, values
            begins = reader.line_num + 1 if values != [_END] else begins
    except csv.Error as error:
        raise _BrokenRow(begins, str(error)) from error
    if values != [_END]:
        raise _BrokenRow(begins, "a quotation mark is never closed")


def _header(header: list[str], where: str) -> list[str]:
    names = [name.strip() or f"column {place}" for place, name in enumerate(header, start=1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(
            f"the header has a name more than once: {listed(twice)}",
            "a name of its own for each column",
            "rename or remove one of them",
            where,
        )
    return names


def _fitted(values: list[str], names: list[str], where: str) -> list[str]:
    while len(values) > len(names) and not values[-1].strip():
        values.pop()
    if len(values) != len(names):
        raise UserError(
            f"{len(values)} values, but the header names {len(names)} columns",
            f"a value for each of: {listed(names)}",
            "a value that holds the separator must stand in quotes",
            where,
        )
    return values
