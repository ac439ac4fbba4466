"""How the demonstrations of the sample mostly begin and end: candidates that are then counted over all rows. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from advisor.profiling.scan import Sameness
from pipelines.data.answer_kind import answer_text
from pipelines.data.rows import Row

_FEWEST = 20
_SUSPICIOUS = 0.5
"""Ours: a beginning or an ending that half of all answers share is worth a look."""
_MARKS = re.compile(r"[^\w\s`\"')\]}>]{2,}$")
_LAST, _FIRST = 12, 3
_OF_THEIR_KIND = {"json", "sql", "code", "one_of_few", "number", "short_text", "latex"}
"""Such answers begin alike by right, and short ones end so."""


def sameness(rows: Sequence[Row], kind: str) -> Sameness:
    """What at least half of the answers begin or end with, where they are texts that mostly differ."""
    texts = [text for row in rows if (text := shown(row).strip())]
    if len(texts) < _FEWEST or len(set(texts)) <= len(texts) / 5:
        return Sameness()
    ending = _common(texts, _marks)
    if kind in _OF_THEIR_KIND and not any(len(text) > 4 * _LAST for text in texts[:_FEWEST]):
        return Sameness("", ending)
    ending = ending or ("" if kind in _OF_THEIR_KIND else _common(texts, _last_words))
    return Sameness("" if kind in ("json", "sql", "code") else _common(texts, _first_words), ending)


def shown(row: Row) -> str:
    """What a model would learn to write, else what it is compared with."""
    if row.completion is not None:
        return row.completion
    return row.chosen or ("" if row.reference is None else answer_text(row.reference))


def _common(texts: Sequence[str], part: Callable[[str], str]) -> str:
    (found, number), *_ = Counter(map(part, texts)).most_common(1)
    if found:
        return found if number >= _SUSPICIOUS * len(texts) else ""
    parts = Counter(one for one in map(part, texts) if one).most_common(1)
    return parts[0][0] if parts and parts[0][1] >= _SUSPICIOUS * len(texts) else ""


def _marks(text: str) -> str:
    match = _MARKS.search(text)
    return match[0] if match else ""


def _last_words(text: str) -> str:
    ending = text[-_LAST:]
    return ending if len(text) > 2 * _LAST and re.search(r"[^\W\d]{3}", ending) else ""


def _first_words(text: str) -> str:
    match = re.match(rf"\S+(?:[ ]\S+){{{_FIRST - 1}}}", text)
    return match[0] if match and len(text) > 2 * len(match[0]) else ""
