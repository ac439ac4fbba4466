"""Texts that nobody vouches for, put into a prompt so that they cannot end their own quotation.

Each text stands between `<name MARK>` and `</name MARK>`. The mark is a hash of all the texts, so that no text can
hold it, and the same texts give the same prompt: an answer kept in the cache is found again.
"""

import hashlib
import json
from collections.abc import Mapping

_MARK_CHARS = 20  # 80 bits: no text can be made to hold its own mark
MAX_ANSWER_CHARS = 60_000
"""A longer answer is shown without its middle: a judge reads pages, not megabytes."""


def fenced(texts: Mapping[str, str]) -> str:
    """The texts by their names, each fenced, after a line that says which mark counts."""
    mark = _mark(texts)
    blocks = [f"<{name} {mark}>\n{text}\n</{name} {mark}>" for name, text in texts.items()]
    return "\n\n".join([f"The mark of this case is {mark}.", *blocks])


def _mark(texts: Mapping[str, str]) -> str:
    content = json.dumps(list(texts.items()))
    for salt in range(100):
        mark = hashlib.sha256(f"{salt} {content}".encode()).hexdigest()[:_MARK_CHARS]
        if not any(mark in text for text in texts.values()):
            return mark
    raise AssertionError("a text holds a hundred hashes of itself")


def as_text(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def cut_in_the_middle(text: str) -> str:
    """The text, or its two ends where it is longer than MAX_ANSWER_CHARS."""
    if len(text) <= MAX_ANSWER_CHARS:
        return text
    half = MAX_ANSWER_CHARS // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters are left out here …]\n{text[-half:]}"
