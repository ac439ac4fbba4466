"""Exports of Argilla and Label Studio → answers. JSON as they write it; the formats are those of their manuals.

Argilla: records with `fields` and `responses`, a question of labels or a ranking over the fields; of version 2 (by
question) or 1 (by user). Label Studio: tasks with `data` and `annotations`, a Pairwise or Choices control. The
completions are fields with a common name and a number or letter (response1, response_2, answer_b); the prompt is the
field that is named like one, or the only other.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.data import names
from pipelines.data.turns import read_turns
from pipelines.preferences.answers import Answer, Turn

_NUMBERED = re.compile(r"(.*?)_?(\d+|[a-h])")
_PLACES = {"left": 0, "right": 1, "first": 0, "second": 1}
_TIES = {"tie", "draw", "equal", "same", "both", "both_good", "no_preference"}
_BAD = {"both_bad", "neither", "none", "all_bad"}


class Unclear(ValueError):
    """What a record holds is no comparison; the message says why."""


@dataclass(frozen=True, slots=True)
class Said:
    """One person's verdict on a record: a name, a place, or a ranking of names."""

    annotator: str
    verdict: Any


@dataclass(frozen=True, slots=True)
class Record:
    """number: its place in the file, from 1."""

    number: int
    fields: Mapping[str, Any]
    said: tuple[Said, ...]


def records_of(items: Sequence[Any]) -> list[Record] | None:
    """The records of an export; None where it is none of these tools'."""
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    if all(isinstance(item.get("fields"), Mapping) and "responses" in item for item in items):
        return [Record(n, item["fields"], tuple(_argilla(item["responses"]))) for n, item in enumerate(items, start=1)]
    if all(isinstance(item.get("data"), Mapping) and isinstance(item.get("annotations"), list) for item in items):
        return [Record(n, item["data"], tuple(_studio(item["annotations"]))) for n, item in enumerate(items, start=1)]
    return None


def answers_of(record: Record) -> list[Answer]:
    """An answer for each verdict. Raises Unclear."""
    columns = _completions(record.fields)
    texts = tuple(str(record.fields[column]) for column in columns)
    messages = _prompt({name: value for name, value in record.fields.items() if name not in columns})
    answers = []
    for said in record.said:
        ranking, bad = _ranking(said.verdict, [names.normalised(column) for column in columns])
        answers.append(
            Answer(
                messages=messages,
                completions=texts,
                ranking=ranking,
                both_bad=bad,
                annotator=said.annotator,
                source="import",
            )
        )
    return answers


def _argilla(responses: Any) -> Iterator[Said]:
    if isinstance(responses, Mapping):  # version 2: question → [{value, user_id}]
        for given in responses.values():
            yield from (Said(str(one.get("user_id")), one.get("value")) for one in given if _counts(one))
        return
    for one in responses or ():  # version 1: [{user_id, values: {question: {value}}}]
        if _counts(one):
            yield from (Said(str(one.get("user_id")), value.get("value")) for value in one.get("values", {}).values())


def _counts(response: Mapping[str, Any]) -> bool:
    return response.get("status") in (None, "submitted")


def _studio(annotations: Sequence[Any]) -> Iterator[Said]:
    for annotation in annotations:
        who = annotation.get("completed_by")
        name = str(who.get("email", who.get("id")) if isinstance(who, Mapping) else who)
        for result in [] if annotation.get("was_cancelled") else annotation.get("result", []):
            value = result.get("value", {})
            if result.get("type") == "pairwise":
                yield Said(name, value.get("selected"))
            elif result.get("type") == "choices" and value.get("choices"):
                yield Said(name, value["choices"][0])


def _completions(fields: Mapping[str, Any]) -> list[str]:
    """The largest group of fields that differ in their number or letter, in its order."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, value in fields.items():
        found = _NUMBERED.fullmatch(names.normalised(name))
        if found and found[1] and isinstance(value, str):
            groups.setdefault(found[1], []).append((found[2], name))
    largest = max(groups.values(), key=len, default=[])
    if len(largest) < 2:
        raise Unclear(f"among {', '.join(fields)} are no fields such as response1 and response2")
    return [name for _, name in sorted(largest, key=lambda pair: (len(pair[0]), pair[0]))]


def _prompt(fields: Mapping[str, Any]) -> tuple[Turn, ...]:
    named = names.find(names.MESSAGES, fields) or names.find(names.PROMPT, fields)
    if named is None and len(fields) == 1:
        named = next(iter(fields))
    if named is None:
        raise Unclear(f"none of the fields {', '.join(fields) or '(none)'} is the prompt")
    turns = read_turns(fields[named]) or ({"role": "user", "content": str(fields[named])},)
    return tuple(Turn(role=turn["role"], content=turn["content"]) for turn in turns)


def _ranking(verdict: Any, columns: list[str]) -> tuple[tuple[tuple[int, ...], ...], bool]:
    """Groups of places, best first, and whether all are bad."""
    every = tuple(range(len(columns)))
    if isinstance(verdict, list):
        return _ranked(verdict, columns), False
    word = names.normalised(str(verdict))
    if word in _TIES | _BAD:
        return (every,), word in _BAD
    best = _place(word, columns)
    return ((best,), tuple(place for place in every if place != best)), False


def _ranked(verdict: list[Any], columns: list[str]) -> tuple[tuple[int, ...], ...]:
    ranks: dict[int, list[int]] = {}
    for number, one in enumerate(verdict, start=1):
        name, rank = (one.get("value"), int(one.get("rank") or number)) if isinstance(one, Mapping) else (one, number)
        ranks.setdefault(rank, []).append(_place(names.normalised(str(name)), columns))
    return tuple(tuple(ranks[rank]) for rank in sorted(ranks))


def _place(word: str, columns: list[str]) -> int:
    """By place, by the field's name, or by its number or letter alone."""
    bare = word.replace("_", "")
    for place, column in enumerate(columns):
        found = _NUMBERED.fullmatch(column)
        if bare == column.replace("_", "") or (found and bare == found[2]) or _PLACES.get(word) == place:
            return place
    raise Unclear(f"{word!r} names none of {', '.join(columns)}")
