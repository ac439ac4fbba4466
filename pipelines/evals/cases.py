"""Rows → cases: what the audit of a grader knows of each row's right answer, and of the answers of other rows.

Pure. A case without an answer of its own (`own` is "") can only be tried with texts that no row's answer is.
"""

import ast
import json
import random
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from graders.numbers import Number
from graders.numeric import final_number
from graders.texts import accepted_references
from pipelines.data.answer_kind import answer_kind, answer_text, final_answer, own_answer, unasked_fields
from pipelines.data.rows import Row

Kind = Literal["number", "label", "formula", "short text", "long text", "json", "code", "none"]
T = TypeVar("T")
MOST_OTHERS = 9
_LONG = 4000


@dataclass(frozen=True, slots=True)
class Case:
    """own: a right completion, as the row has it. final: its final answer ("72" of "... #### 72"); both "" where the
    row has none. others, other_finals: at most 9 answers of other rows, each another answer than this row's.
    options: every label, where the answers are labels.
    """

    row: Row
    kind: Kind
    own: str = ""
    final: str = ""
    others: tuple[str, ...] = ()
    other_finals: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def number(self) -> Number | None:
        """The final answer as a number."""
        found = final_number(self.final) if self.kind == "number" else None
        return found[0] if found else None


def make_cases(rows: Sequence[Row]) -> list[Case]:
    """One case a row, in order. Other rows' answers are drawn from all of these rows, the same every time."""
    kind, options = _kind(rows)
    if kind == "none":
        return [Case(row, "none") for row in rows]
    owns = [own_answer(row) or "" for row in rows]
    finals = [_final(row, own, kind) for row, own in zip(rows, owns, strict=True)]
    keys = [_key(final, kind) for final in finals]
    draw = random.Random(0)
    cases = []
    for row, own, final, key in zip(rows, owns, finals, keys, strict=True):
        accepted = {key, *(_key(text, kind) for text in accepted_references(row.reference)), ""}
        drawn = [draw.randrange(len(rows)) for _ in range(4 * MOST_OTHERS)]
        other = {keys[place]: place for place in reversed(drawn) if keys[place] not in accepted}
        places = list(other.values())[-MOST_OTHERS:]
        cases.append(
            Case(row, kind, own, final, tuple(owns[p] for p in places), tuple(finals[p] for p in places), options)
        )
    return cases


def evenly(items: Sequence[T], num: int) -> list[T]:
    """Exactly so many of them where there are as many, evenly spaced."""
    num = min(num, len(items))
    return [items[place * len(items) // num] for place in range(num)]


def commonest_answer(cases: Sequence[Case]) -> Case | None:
    """A case whose final answer most rows share; None where no two rows share one."""
    cases = [case for case in cases if case.own]
    counts = Counter(_key(case.final, case.kind) for case in cases)
    if not counts:
        return None
    key, count = counts.most_common(1)[0]
    return next(case for case in cases if _key(case.final, case.kind) == key) if count > 1 else None


def _kind(rows: Sequence[Row]) -> tuple[Kind, tuple[str, ...]]:
    found = answer_kind(rows)
    if found.kind in ("preference_pairs", "thumbs", "none") or unasked_fields(rows):
        return "none", ()
    if found.kind == "one_of_few":
        return "label", tuple(sorted(label for label, _ in found.labels))
    texts = [text for row in rows[:200] if (text := own_answer(row))]
    if found.kind in ("short_text", "long_text"):
        if _most(_is_code(text) for text in texts):
            return "code", ()
        if _most("\\" in text or "$" in text for text in texts) and found.kind == "short_text":
            return "formula", ()
    kinds: dict[str, Kind] = {"number": "number", "json": "json", "short_text": "short text", "long_text": "long text"}
    return kinds[found.kind], ()


def _most(hits: Iterable[bool]) -> bool:
    found = list(hits)
    return sum(found) >= 0.9 * len(found) > 0


def _is_code(text: str) -> bool:
    """Python that would compile, as a whole or as the body of a function."""
    if "\n" not in text and "return" not in text:
        return False
    try:
        ast.parse("def _():\n" + textwrap.indent(textwrap.dedent(text.replace("\r", "")), " "))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return "def " in text or "return" in text


def _final(row: Row, own: str, kind: Kind) -> str:
    if kind in ("json", "code", "long text"):
        return own
    stated = answer_text(row.reference) if row.reference is not None else own
    if kind == "number":
        found = final_number(stated)
        return found[0].text if found else ""
    return final_answer(stated)


def _key(final: str, kind: Kind) -> str:
    """Equal for answers that differ in form alone."""
    if kind == "number":
        found = final_number(final)
        return "" if not found else str(found[0].value / (100 if found[0].percent else 1))
    if kind == "json":
        try:
            return json.dumps(json.loads(final), sort_keys=True)
        except (ValueError, RecursionError):
            return final
    return " ".join(final[:_LONG].casefold().split()).strip(" .")
