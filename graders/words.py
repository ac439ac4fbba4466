"""Words of a text in any script: runs between spaces, and each Han or kana character for itself.

Limits: Thai, Lao and Khmer, written without spaces, give a word a phrase.
"""

from collections.abc import Sequence
from typing import Any

import regex

_NO_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}"
_WORD: Any = regex.compile(rf"[{_NO_SPACES}]|[^\s{_NO_SPACES}]+")
_LETTER: Any = regex.compile(r"\p{L}")


def words(text: str) -> list[str]:
    """The words as they stand, punctuation at them included."""
    found: list[str] = text.split() if text.isascii() else _WORD.findall(text)
    return found


def size(text: str, count: str) -> int:
    """Length in "words" or "characters", without spaces at the ends."""
    return len(words(text)) if count == "words" else len(text.strip())


def script_class(script: str) -> str:
    """The inside of a character class for a script's Unicode name. Raises ValueError for a name that is none."""
    if script == "kana":
        return r"\p{Script=Hiragana}\p{Script=Katakana}ー"
    try:
        regex.compile(rf"\p{{Script={script}}}")
    except regex.error:
        raise ValueError(f"there is no script {script!r}: write latin, han, kana, hangul, cyrillic, arabic …") from None
    return rf"\p{{Script={script}}}"


def letters(text: str, scripts: Sequence[str] = ()) -> int:
    """How many letters a text has, or how many of these scripts."""
    if not scripts:
        return len(_LETTER.findall(text))
    inside = "".join(map(script_class, scripts))
    return len(regex.findall(rf"[[{inside}]&&\p{{L}}]", text, flags=regex.VERSION1))
