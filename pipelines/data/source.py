"""What the user wrote as data → a Table: a file by its content, a folder saved by `datasets`, or a hub id."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graders.errors import UserError
from pipelines.data.read_arrow import read_hub, read_parquet, read_saved
from pipelines.data.read_csv import read_csv, read_tsv
from pipelines.data.read_json import read_json, read_json_lines
from pipelines.data.table import Table, did_you_mean, listed
from pipelines.data.text import decode, parse_json, read_bytes
from pipelines.files import digest_path
from pipelines.hub import commit

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_EXPECTED = (
    "JSON lines, JSON, CSV, TSV, parquet (text may be .gz), a folder saved by `datasets`, or a hub id owner/name"
)
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(/[\w.-]+)?(:[\w.\[\]%-]+)?")
_READERS = {
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_tsv,
}
_AS_CSV = "save the table as CSV"
_FOREIGN = {
    b"PK\x03\x04": ("a zip or Excel file", _AS_CSV),
    b"\xd0\xcf\x11\xe0": ("an old Excel file", _AS_CSV),
    b"SQLite": ("an SQLite file", _AS_CSV),
    b"version https://git-lfs": ("Git LFS's pointer to the data, not the data", "fetch it: git lfs pull"),
    b"<!DOCTYPE": ("a web page, not data", "download the file itself, not the page that shows it"),
    b"<html": ("a web page, not data", "download the file itself, not the page that shows it"),
}
"""How a file begins → what it is, and what to do."""


def read_table(source: str, base: Path) -> Table:
    """Reads `source`, a path relative to `base` or a hub id. Raises UserError for whatever the user can mend."""
    with _readable(source):
        return _read(base / Path(source).expanduser(), source)


def source_identity(source: str, base: Path) -> str:
    """What the content is known by: a digest of its bytes, or a hub id's commit. UserError if it is missing."""
    path = base / Path(source).expanduser()
    with _readable(source):
        if path.exists():
            return digest_path(path)
    if not _is_hub_id(source, path):
        raise _missing(source, path)
    owner, title = source.split(":", maxsplit=1)[0].split("/")[:2]
    return f"{source}@{commit(f'{owner}/{title}', 'dataset')}"


@contextmanager
def _readable(source: str) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise UserError("no permission to read it", "a readable file", f"chmod u+rX {source}", source) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", "a readable file", where=source) from error


def _read(path: Path, source: str) -> Table:
    if path.is_dir():
        return _read_folder(path, source)
    if path.exists() and not path.is_file():
        raise UserError("this is a pipe or a device, which can be read only once", "a file", "save it first", source)
    if path.exists():
        return _read_file(path, source)
    if path.is_symlink():
        raise UserError("this link leads nowhere", _EXPECTED, f"see where it points: ls -l {source}", source)
    if _is_hub_id(source, path):
        return read_hub(source)
    raise _missing(source, path)


def _read_file(path: Path, where: str) -> Table:
    data = read_bytes(path)
    if data.startswith(b"PAR1"):
        return read_parquet(path, where)
    for mark, (what, fix) in _FOREIGN.items():
        if data.startswith(mark):
            raise UserError(f"this is {what}", _EXPECTED, fix, where)
    text = decode(data, where)
    if not text.strip():
        raise UserError("the file is empty", "at least one row of data", "check that this is the right file", where)
    suffix = Path(path.name.removesuffix(".gz")).suffix.casefold()
    if suffix == ".jsonl" and text.lstrip().startswith("["):
        return read_json(text, where)
    if suffix in (".csv", ".tsv") and _is_object(text.lstrip().split("\n", 1)[0]):
        return read_json_lines(text, where)  # no header of a table is a JSON object
    return _READERS.get(suffix, _read_unnamed)(text, where)


def _read_unnamed(text: str, where: str) -> Table:
    """The file's name says nothing: its first characters do."""
    start = text.lstrip()
    first_line = start.split("\n", 1)[0]
    if start.startswith(("{", "[")):
        return read_json_lines(text, where) if _is_object(first_line) else read_json(text, where)
    if "\t" in first_line:
        return read_tsv(text, where)
    if "," in first_line or ";" in first_line:
        return read_csv(text, where)
    raise UserError(
        "neither the name nor the content says what this file is",
        _EXPECTED,
        "name it .csv, .tsv, .jsonl or .json",
        where,
    )


def _is_object(line: str) -> bool:
    try:
        return isinstance(parse_json(line), dict)
    except ValueError:
        return False


def _read_folder(folder: Path, where: str) -> Table:
    if (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file():
        return read_saved(folder, where)
    files = sorted(path.name for path in folder.iterdir() if path.name.removesuffix(".gz").endswith(SUFFIXES))
    fix = f"name a file in it: {listed(files, 8)}" if files else "name a file"
    raise UserError("this is a folder, and `datasets` did not save it", _EXPECTED, fix, where)


def _is_hub_id(source: str, path: Path) -> bool:
    looks = _HUB_ID.fullmatch(source) is not None
    return looks and not path.parent.is_dir() and not source.removesuffix(".gz").casefold().endswith(SUFFIXES)


def _missing(source: str, path: Path) -> UserError:
    folder = path.parent
    if not folder.is_dir():
        return UserError(f"no such folder: {folder}", _EXPECTED, "check the path", source)
    hint = did_you_mean(path.name, [entry.name for entry in folder.iterdir()])
    return UserError(f"no such file in {folder}", _EXPECTED, hint or "check the path", source)
