"""What text graders share: the references a row accepts, where an answer is marked in a completion, short quotes.

Every search here takes time linear in the text: a completion may be megabytes of anything.
"""

import math
import re
from collections.abc import Iterator
from typing import Literal

Mark = Literal["####", "boxed", "answer", "A:"]

_MAX_ANSWER_CHARS = 2000
# "answer is", "the answer to the second question is", "**Answer:**", "Answer (in dollars) =", "答案是".
_ANSWER = re.compile(
    r"\banswers?(?:\b[^\n\d]{0,40}?\b(?:is|are)\b|(?:[ ]?\([^()\n]{0,40}\))?[\s*_]{0,4}[:：=])|答案\s*(?:是|为|[:：])",
    re.IGNORECASE,
)
_QA = re.compile(r"(?:^|\n)[ \t*]*A[ \t]*:")
_LEADING = " \t\r\n*_:：$"


def accepted_references(reference: object) -> list[str]:
    """The references of a row as texts, any of which is right; empty when there is none that text can be compared with.

    A text, number or truth value gives one; a list of them gives several. None, NaN, blanks and mappings give none.
    """
    if isinstance(reference, list | tuple):
        return [text for item in reference if (text := _scalar_text(item)) is not None]
    text = _scalar_text(reference)
    return [] if text is None else [text]


def _scalar_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str | int | float):
        return str(value) if str(value).strip() else None
    return None


def marked_answers(text: str) -> Iterator[tuple[Mark, str]]:
    """The last marked answer of each kind: after `####`, in `\\boxed{}`, then "answer is" and "A:", the later first.

    Where no brace closes it, the answer is the text up to the end of its line, or the next line that is not empty.
    """
    place = text.rfind("####")
    if place >= 0:
        yield "####", _line_after(text, place + 4)
    place = text.rfind("\\boxed{")
    if place >= 0:
        yield "boxed", _braced(text, place + len("\\boxed{"))
    said: Mark = "answer"
    asked: Mark = "A:"
    answers = _last_end(_ANSWER, text) if "answer" in text.casefold() or "答案" in text else 0  # the search is slow
    ends = [(end, mark) for mark, end in ((said, answers), (asked, _last_end(_QA, text))) if end]
    for end, mark in sorted(ends, reverse=True):
        yield mark, _line_after(text, end)


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match ends; 0 when there is none."""
    end = 0
    for match in pattern.finditer(text):
        end = match.end()
    return end


def _line_after(text: str, start: int) -> str:
    return text[start : start + _MAX_ANSWER_CHARS].lstrip(_LEADING).split("\n", 1)[0].rstrip()


def _braced(text: str, start: int) -> str:
    """What stands before the brace that closes the one opened just before `start`; all of it when none does."""
    inside = text[start : start + _MAX_ANSWER_CHARS]
    depth = 1
    for match in re.finditer(r"[{}]", inside):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return inside[: match.start()]
    return inside


def short(value: object, limit: int = 60) -> str:
    """A quote for a reason: one line, cut in the middle of nowhere with an ellipsis."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text[: 4 * limit].split())
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
