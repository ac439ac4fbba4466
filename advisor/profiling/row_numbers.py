"""Places of rows (from 0, in the file's order) → the numbers that the loader gives them: lines, for text.

A file without empty lines and without line ends inside its values needs no second look: a count of its line ends says
so. Else the file is walked once, up to the last place asked for.
"""

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import IO

from advisor.profiling.source import Source

_CHUNK = 1 << 22


def row_numbers(source: Source, num_rows: int, places: Iterable[int]) -> Mapping[int, int]:
    """place → number, for these places."""
    wanted = sorted(set(places))
    if source.numbers:
        return {place: source.numbers[place] for place in wanted}
    header = 1 if source.format == "csv" else 0
    if source.format == "parquet" or _line_ends(source) in (num_rows + header, num_rows + header - 1):
        return {place: place + header + 1 for place in wanted}
    last = wanted[-1] if wanted else 0
    starts = list(islice(_lines(source) if source.format == "lines" else _records(source), last + 1))
    return {place: starts[place] for place in wanted if place < len(starts)}


def _opened(source: Source) -> IO[bytes]:
    return gzip.open(source.path) if source.gzipped else source.path.open("rb")  # type: ignore[return-value]


def _line_ends(source: Source) -> int:
    with _opened(source) as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))


def _lines(source: Source) -> Iterator[int]:
    with _opened(source) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number


def _records(source: Source) -> Iterator[int]:
    csv.field_size_limit(2**31 - 1)
    with _opened(source) as file:
        lines = (line.decode("utf-8", "replace") for line in file)
        reader = csv.reader(lines, delimiter=source.delimiter)
        next(reader, None)
        begins = reader.line_num + 1
        for values in reader:
            if values:
                yield begins
            begins = reader.line_num + 1
