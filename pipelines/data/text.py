"""Bytes of a data file → its text, and text → JSON. UTF-8 with or without a byte order mark, plain or gzipped."""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graders.errors import UserError

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_bytes(path: Path) -> bytes:
    """The file's content, unzipped when it is gzipped (whatever its name is). Raises OSError as Path does."""
    data = path.read_bytes()
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"the gzip data is damaged: {error}", "a whole .gz file", "copy or download it again", str(path)
        ) from error


def decode(data: bytes, where: str) -> str:
    """Text of the file. Raises UserError that names the line of the first byte that is not UTF-8 text."""
    if data.startswith(_UTF16_MARKS):
        raise UserError("the file is UTF-16", "UTF-8 text", "iconv -f UTF-16 -t UTF-8 OLD > NEW", where)
    if b"\0" in data:
        raise UserError(
            "a null byte",
            "UTF-8 text; a null byte mostly means a damaged or a binary file",
            "remove it: tr -d '\\000' < OLD > NEW",
            _at(where, data, data.index(b"\0")),
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            "UTF-8 text",
            "if it was saved on Windows: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW",
            _at(where, data, error.start),
        ) from error


def parse_json(text: str, constant: Callable[[str], object] = float) -> Any:
    """The value of a JSON text; half a surrogate pair, which no UTF-8 file can hold, becomes "?".

    constant: makes a value of NaN and Infinity. Raises ValueError, JSONDecodeError among them, for all that is no JSON.
    """
    try:
        value = json.loads(text, parse_constant=constant)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if "\\ud" in text or "\\uD" in text:
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def _at(where: str, data: bytes, offset: int) -> str:
    line = data.count(b"\n", 0, offset) + 1
    return f"{where}:{line}"
