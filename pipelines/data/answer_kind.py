"""What the right answers of a data set look like: numbers, one of a few labels, JSON, short or long text.

In: rows. Out: AnswerKind. Pure; reads at most 20,000 rows, spread evenly over the file.
Limits: a kind holds when 90 % of the answers look like it; code and SQL are long text here.
"""

import json
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from graders.numbers import first_number, numbers_in, plain
from graders.numeric import final_number
from graders.texts import accepted_references, marked_answers
from pipelines.data.rows import Row

Kind = Literal["number", "one_of_few", "json", "short_text", "long_text", "preference_pairs", "thumbs", "none"]

_SAMPLE = 20_000
_HOLDS = 0.9
_MAX_LABELS, _ROWS_PER_LABEL, _LABEL_CHARS = 200, 5, 60
_RATINGS, _ROWS_PER_RATING = 10, 20  # so few distinct numbers, so often: a scale or a code, not a computed number
_SHORT_WORDS = 3
_UNIT_CHARS = 16  # "$12.50", "12 km/h", "12 apples": a number with a unit is still a bare answer
_STEPS_CHARS = 15  # so much text beside the final answer counts as worked steps
_NUMBERLESS_CHARS = 60  # the same beside a number without another: "She has 12 apples left." shows no step
_MIXED_SHARE, _MIXED_ROWS = 0.1, 50  # of numbers, so many with steps are worth imitating by themselves
_BARE_SHARE = 0.05  # fewer without steps among those that have them change little
_STEPLESS: frozenset[Kind] = frozenset({"number", "one_of_few", "short_text"})
"""Kinds of answers that can stand without the steps to them."""


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """kind, and what is known of the answers.

    num_rows: rows looked at. labels: every final answer with its count, commonest first, where there are few.
    guess_rate: share of rows that the commonest answer gets right. worked: half of the rows that have a completion, or
    enough of them, show steps in it before the final answer. bare: where worked, the share of these rows that show
    none, unless it is small.
    """

    kind: Kind
    num_rows: int
    labels: tuple[tuple[str, int], ...] = ()
    guess_rate: float = 0.0
    worked: bool = False
    bare: float = 0.0

    @property
    def skew(self) -> float:
        """The commonest label's count over the rarest's; 1 where there are no labels."""
        return self.labels[0][1] / self.labels[-1][1] if self.labels else 1.0


def spread(rows: Sequence[Row], most: int) -> list[Row]:
    """At most so many rows, evenly spaced and the same every time."""
    step = max(1, -(-len(rows) // most))
    return list(rows[::step])


def answer_kind(rows: Sequence[Row]) -> AnswerKind:
    """What most answers look like; `none` where no row has one."""
    answered = spread([row for row in rows if row.expected is not None and row.desirable is None], _SAMPLE)
    if not answered:
        return AnswerKind(_without_answers(rows), 0)
    gold = [row.expected for row in answered]
    shown = [row for row in answered if row.completion is not None]
    steps = _share(map(is_worked, shown))
    worked = steps >= 0.5
    if _share(map(_is_json, gold)) >= _HOLDS:
        return AnswerKind("json", len(gold), guess_rate=_guess_rate(map(_canonical, gold)), worked=worked)
    finals = [final_answer(value) for value in gold]
    counts = Counter(finals).most_common()
    numbers = _share(_is_number(final) for final in finals) >= _HOLDS
    few = _are_labels(counts, len(gold), numbers)
    kind: Kind = "one_of_few" if few else "number" if numbers else _text_kind(finals)
    labels = tuple(counts) if few else ()
    worked |= kind == "number" and steps >= _MIXED_SHARE and steps * len(shown) >= _MIXED_ROWS
    bare = 1.0 - steps if worked and kind in _STEPLESS and 1.0 - steps >= _BARE_SHARE else 0.0
    return AnswerKind(kind, len(gold), labels, _guess_rate(finals), worked, bare)


def answer_text(value: object) -> str:
    """An answer as a model would write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and (texts := accepted_references(value)):
        return texts[0]
    return json.dumps(value, ensure_ascii=False)


def own_answer(row: Row) -> str | None:
    """What the row says a right completion is: its demonstration, else its reference as text; None without either."""
    if row.completion is not None:
        return None if row.desirable is False else row.completion
    return None if row.reference is None else answer_text(row.reference)


def unasked_fields(rows: Sequence[Row]) -> tuple[str, ...]:
    """Fields of references made of several columns that no prompt names: they are for a grader of the user's own."""
    first = next((row for row in rows if row.completion is None and isinstance(row.reference, Mapping)), None)
    if first is None or any(value is first.reference for value in first.columns.values()):
        return ()
    asked = " ".join(str(message.get("content")) for message in first.messages)
    names = list(first.reference) if isinstance(first.reference, Mapping) else []
    return tuple(str(name) for name in names if str(name) not in asked)


def _without_answers(rows: Sequence[Row]) -> Kind:
    if any(row.chosen is not None and row.rejected is not None for row in rows):
        return "preference_pairs"
    return "thumbs" if any(row.desirable is not None for row in rows) else "none"


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return sum(found) / len(found) if found else 0.0


def _guess_rate(finals: Iterable[str]) -> float:
    counts = Counter(finals)
    return max(counts.values()) / counts.total()


def _is_json(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    if not isinstance(value, str) or not value.strip().startswith(("{", "[{")):
        return False
    try:
        return isinstance(json.loads(value), dict | list)
    except (ValueError, RecursionError):
        return False


def _canonical(value: object) -> str:
    return json.dumps(json.loads(value) if isinstance(value, str) else value, sort_keys=True, default=str)


def final_answer(value: object) -> str:
    """The final answer: what is marked as such ("#### 72", "the answer is B"), else all of it."""
    text = answer_text(value).strip()
    marked = next((line.strip(" .*$") for mark, line in marked_answers(text) if mark != "A:"), "")
    if len(text) <= _LABEL_CHARS and "\n" not in text:
        return marked or text
    number = final_number(text) if marked and first_number(plain(marked)) else None
    return number[0].text if number else marked[:_LABEL_CHARS] or text


def _is_number(text: str) -> bool:
    """A number with at most signs before it and a unit after it: "label-3" is none, "12 km/h" is one."""
    read = plain(text)
    number = first_number(read)
    if number is None or "\n" in text:
        return False
    before, after = read[: number.start], read[number.end :]
    alone = not re.search(r"[^\W_]", before) and not re.search(r"\d", after)
    return alone and len(before) + len(after) <= _UNIT_CHARS and len(after.split()) <= 2


def is_worked(row: Row) -> bool:
    """The demonstration is clearly longer than the final answer that it ends in; where that is a number, another number
    stands before it, or much text does.
    """
    if row.completion is None:
        return False
    final = answer_text(row.reference) if row.reference is not None else final_answer(row.completion)
    text = row.completion.strip()
    number = first_number(plain(final)) if _is_number(final) else None
    if number is None:
        return len(text) >= len(final) + _STEPS_CHARS
    others = any(found.value != number.value for found in numbers_in(plain(text)))
    return others or len(text) >= len(final) + _NUMBERLESS_CHARS


def _are_labels(counts: list[tuple[str, int]], num_rows: int, numbers: bool) -> bool:
    if len(counts) < 2 or max(len(label) for label, _ in counts) > _LABEL_CHARS:
        return False
    if numbers:
        return len(counts) <= _RATINGS and num_rows >= _ROWS_PER_RATING * len(counts)
    return len(counts) <= _MAX_LABELS and num_rows >= _ROWS_PER_LABEL * len(counts)


def _text_kind(finals: list[str]) -> Kind:
    words = statistics.median(len(final.split()) for final in finals)
    chars = statistics.median(len(final) for final in finals)
    return "short_text" if words <= _SHORT_WORDS and chars <= _LABEL_CHARS else "long_text"
