"""Bytes of a data file → its text, and text → JSON. UTF-8 with or without a byte order mark, plain or gzipped."""

import codecs
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graders.errors import UserError

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_ENCODINGS = {
    "EUC-KR": lambda code: 0xAC00 <= code <= 0xD7A3,
    "GB18030": lambda code: 0x4E00 <= code <= 0x9FFF and _is_common(code, "gb2312", 0xB0, 0xD7),
    "BIG5": lambda code: 0x4E00 <= code <= 0x9FFF and _is_common(code, "big5", 0xA4, 0xC6),
    "SHIFT_JIS": lambda code: 0x3040 <= code <= 0x30FF,
}
"""Encodings that older systems of East Asia write → whether a letter is one that texts in them are full of: hangul, the
first level of Chinese characters, kana. The first wins a tie: Korean bytes are common Chinese letters too."""
_LOOKED_AT = 100_000
"""Bytes from which an encoding is guessed."""
_SURE = 0.4
"""Share of the letters beyond ASCII that must be such ones; Japanese has half as many kanji as kana."""


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
        found = likely_encoding(data)
        fix = f"it looks like {found}; if it is: iconv -f {found} -t UTF-8 OLD > NEW"
        raise UserError(
            f"byte 0x{data[error.start]:02x} is not UTF-8", "UTF-8 text", fix, _at(where, data, error.start)
        ) from error


def likely_encoding(data: bytes) -> str:
    """What bytes that are no UTF-8 seem to be written in, by iconv's name: a guess from the letters that they give."""
    start = data[:_LOOKED_AT]
    found = {name: _share(start, name, is_usual) for name, is_usual in _ENCODINGS.items()}
    best = max(found, key=lambda name: found[name])
    return best if found[best] >= _SURE else "WINDOWS-1252"


def _share(data: bytes, name: str, is_usual: Callable[[int], bool]) -> float:
    """Of letters beyond ASCII those that are usual; 0 where the bytes cannot be in this encoding. A cut letter at the
    end is no fault."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(data)
    except UnicodeDecodeError:
        return 0.0
    letters = [ord(letter) for letter in text if letter > "\x7f" and letter.isalpha()]
    return sum(map(is_usual, letters)) / len(letters) if letters else 0.0


def _is_common(code: int, encoding: str, first: int, last: int) -> bool:
    try:
        return first <= chr(code).encode(encoding)[0] <= last
    except UnicodeEncodeError:
        return False


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
