"""What the user wrote as data → a Source that DuckDB reads row by row, out of core.

JSON lines, CSV, TSV (gzipped too) and parquet are read where they lie. All else (a JSON list, a folder saved by
`datasets`, a hub id, a CSV with stray quotes) goes through the loader, in memory, and is read from a temporary copy.
"""

import csv
import gzip
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from graders.errors import UserError
from pipelines.data.read_csv import delimiter_of
from pipelines.data.source import read_table
from pipelines.data.text import decode, parse_json

Format = Literal["lines", "csv", "parquet", "loaded"]

_HEAD = 1 << 20
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Source:
    """name: as the user wrote it. path: a link in our own folder, since DuckDB takes `*` and `[` in a path for a
    pattern. columns, types: those of a table; empty for lines, whose rows may differ. numbers: of a copy's rows."""

    name: str
    path: Path
    format: Format
    gzipped: bool = False
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    numbers: tuple[int, ...] = field(default=(), repr=False)


def open_source(name: str, base: Path, folder: Path) -> Source:
    """Raises UserError where it is missing, empty, binary, or nothing that the loader reads."""
    path = base / Path(name).expanduser()
    if not path.is_file():
        return _loaded(name, base, folder)
    head, gzipped = _head(path)
    kind = _format(path, head)
    if kind == "loaded":
        return _loaded(name, base, folder)
    link = folder / f"{len(list(folder.iterdir()))}.{kind}"
    link.symlink_to(path.resolve())
    source = Source(name, link, kind, gzipped)
    return _with_header(source, head) if kind == "csv" else source


def through_loader(source: Source, base: Path, folder: Path) -> Source:
    """The same data by way of the loader, for a table whose quotes DuckDB does not read."""
    return _loaded(source.name, base, folder)


def _loaded(name: str, base: Path, folder: Path) -> Source:
    table = read_table(name, base)
    copy = folder / f"{len(list(folder.iterdir()))}.jsonl"
    with copy.open("w", encoding="utf-8", errors="replace") as file:
        for _, cells in table.rows:
            file.write(json.dumps(cells, ensure_ascii=False, default=str) + "\n")
    return Source(name, copy, "lines", numbers=tuple(number for number, _ in table.rows))


def _head(path: Path) -> tuple[bytes, bool]:
    """The first bytes, unzipped, up to a line's end where there is one."""
    with path.open("rb") as file:
        gzipped = file.read(2) == _GZIP
    try:
        with gzip.open(path) if gzipped else path.open("rb") as file:
            head = file.read(_HEAD)
    except (OSError, EOFError):
        return b"", gzipped  # the loader says what is wrong
    if len(head) < _HEAD:
        return head, gzipped
    return head[: head.rfind(b"\n") + 1] or head, gzipped


def _format(path: Path, head: bytes) -> Format:
    if head.startswith(b"PAR1"):
        return "parquet"
    if b"\n" not in head[:-1] and len(head) >= _HEAD:
        return "loaded"
    text = decode(head, path.name).lstrip()
    lines = [line for line in text.split("\n", 3)[:3] if line.strip()]
    suffix = Path(path.name.removesuffix(".gz")).suffix.casefold()
    if not lines or text.startswith("["):
        return "loaded"
    if suffix in (".jsonl", ".ndjson") and text.startswith("{"):
        return "lines"
    if _is_object(lines[0]) and (suffix in (".csv", ".tsv") or (len(lines) > 1 and lines[1].startswith("{"))):
        return "lines"
    return "csv" if suffix in (".csv", ".tsv") else "loaded"


def _is_object(line: str) -> bool:
    try:
        return isinstance(parse_json(line), dict)
    except ValueError:
        return False


def _with_header(source: Source, head: bytes) -> Source:
    text = decode(head, source.name)
    tabs = "\t" in text.split("\n", 1)[0] and "," not in text.split("\n", 1)[0]
    delimiter = "\t" if tabs else delimiter_of(text)
    names = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
    cleaned = tuple(name.strip() or f"column {place}" for place, name in enumerate(names, start=1))
    return replace(source, delimiter=delimiter, columns=cleaned)


def records(source: Source) -> str:
    """A SELECT of the rows as they lie: one column `raw` for lines, else the values of `columns`."""
    if source.format == "lines":
        return f"SELECT json::VARCHAR AS raw FROM {_objects(source)}"
    return f"SELECT {', '.join(f't{place}' for place in range(len(source.columns)))} FROM {_table(source)}"


def relation(source: Source, columns: tuple[str, ...] | None = None, prefix: str = "") -> str:
    """A SELECT whose rows stand in the file's order: `raw` (lines alone), row_hash, unreadable, escaped (the line may
    hold control characters), and c0, c1, ... with the text of each of `columns`."""
    names = source.columns if columns is None else columns
    if source.format == "lines":
        return _lines(source, names, prefix)
    cells = [_cell(source, source.columns.index(name)) if name in source.columns else "NULL" for name in names]
    listed = "".join(f", {cell} AS c{place}" for place, cell in enumerate(cells))
    every = ", ".join(f"t{place}" for place in range(len(source.columns)))
    return f"SELECT hash({every}) AS row_hash, false AS unreadable, true AS escaped{listed} FROM {_table(source)}"


def _lines(source: Source, names: tuple[str, ...], prefix: str) -> str:
    paths = ", ".join(text(f"{prefix}/{name.replace('~', '~0').replace('/', '~1')}") for name in names)
    cells = "".join(f", x[{place + 1}] AS c{place}" for place in range(len(names)))
    found = f", json_extract_string(json, [{paths}]) AS x" if names else ""
    escaped = r"contains(raw, '\u00') OR contains(raw, '\f') OR contains(raw, '\b')"
    return (
        f"SELECT raw, hash(raw) AS row_hash, raw IS NULL OR left(raw, 1) <> '{{' AS unreadable, {escaped} AS escaped"
        f"{cells} FROM (SELECT json::VARCHAR AS raw{found} FROM {_objects(source)})"
    )


def _objects(source: Source) -> str:
    zipped = ", compression='gzip'" if source.gzipped else ", compression='uncompressed'"
    return f"read_ndjson_objects({text(str(source.path))}, ignore_errors=true{zipped})"


def _table(source: Source) -> str:
    aliases = ", ".join(f"t{place}" for place in range(len(source.columns)))
    if source.format == "parquet":
        return f"read_parquet({text(str(source.path))}) AS t({aliases})"
    types = ", ".join(f"{text(f't{place}')}: 'VARCHAR'" for place in range(len(source.columns)))
    zipped = "gzip" if source.gzipped else "none"
    return (
        f"read_csv({text(str(source.path))}, columns={{{types}}}, header=true, auto_detect=false, "
        f"delim={text(source.delimiter)}, quote='\"', escape='\"', compression='{zipped}')"
    )


def _cell(source: Source, place: int) -> str:
    """A value as JSON lines would hold it; of an image its size."""
    kind = source.types[place] if source.types else "VARCHAR"
    if kind.endswith(("]", ")")) and not kind.startswith("DECIMAL"):
        return f"to_json(t{place})::VARCHAR"
    return f"octet_length(t{place})::VARCHAR" if kind == "BLOB" else f"t{place}::VARCHAR"


def text(value: str) -> str:
    """A text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def with_parquet_columns(source: Source, connection: Any) -> Source:
    """The source with its columns, which a parquet file names itself."""
    if source.format != "parquet":
        return source
    found = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({text(str(source.path))})").fetchall()
    return replace(source, columns=tuple(name for name, *_ in found), types=tuple(kind for _, kind, *_ in found))


def readable_name(error: Exception) -> str:
    """DuckDB's message on one line, without the paths of our own folder."""
    first = str(error).split("\n\n", 1)[0]
    return re.sub(r"\S*finetune-profile-\S*", "the file", " ".join(first.split()))[:300]


def unreadable(source: Source, error: Exception) -> UserError:
    """What the user is told when neither DuckDB nor the loader reads a file."""
    return UserError(f"cannot be read: {readable_name(error)}", "a whole file", "save it again", source.name)
