"""Preferences made by a seed: answers of annotators, and rows of pairs."""

import random
from collections.abc import Callable
from typing import Any

from pipelines.data.load import rows_from
from pipelines.data.rows import Rows
from pipelines.data.spec import DataSpec
from pipelines.data.table import make_table
from pipelines.preferences.answers import Answer
from pipelines.preferences.audit import audit_preferences
from pipelines.preferences.audit_record import PreferenceAudit
from pipelines.preferences.collected import Collected, collected_answers, split_or_none
from pipelines.preferences.votes import votes_of

WORDS = ("apple", "boat", "cloud", "door", "eagle", "field", "grape", "house", "iron", "jewel", "kite", "lemon", "moon")


def text(chance: random.Random, fewest: int = 8, most: int = 40) -> str:
    """A sentence of random words."""
    return " ".join(chance.choices(WORDS, k=chance.randint(fewest, most))).capitalize() + "."


def two(chance: random.Random) -> tuple[str, str]:
    return text(chance), text(chance)


def pairs(
    num_pairs: int, seed: int, better: Callable[[random.Random, str, str], bool], **columns: Any
) -> list[dict[str, Any]]:
    """Rows with prompt, chosen, rejected; `better` says whether the first of two texts is chosen."""
    chance = random.Random(seed)
    rows = []
    for number in range(num_pairs):
        one, other = two(chance)
        chosen, rejected = (one, other) if better(chance, one, other) else (other, one)
        rows.append({"prompt": f"Question {number}?", "chosen": chosen, "rejected": rejected, **columns})
    return rows


def by_chance(chance: random.Random, one: str, other: str) -> bool:
    return chance.random() < 0.5


def mostly_longer(share: float) -> Callable[[random.Random, str, str], bool]:
    return lambda chance, one, other: (len(one) > len(other)) == (chance.random() < share)


def table(rows: list[dict[str, Any]]) -> Rows:
    return rows_from(make_table("made", enumerate(rows, start=1)), DataSpec(train="made"))


def audited(rows: list[dict[str, Any]]) -> PreferenceAudit:
    """The audit of rows as the loader reads them."""
    read = table(rows)
    return audit_preferences(Collected(read, tuple(votes_of(read)), (), split_or_none(read)))


def answer(number: int, ranking: list[list[int]], annotator: str = "Ann", **fields: Any) -> Answer:
    completions = fields.pop("completions", [f"{WORDS[place]} {number}" for place in range(3)])
    asked = [{"role": "user", "content": f"Question {number}?"}]
    return Answer.model_validate(
        {"messages": asked, "completions": completions, "ranking": ranking, "annotator": annotator, **fields}
    )


def audited_answers(answers: list[Answer]) -> PreferenceAudit:
    return audit_preferences(collected_answers("made", enumerate(answers, start=1), None))


def rows_of(found: PreferenceAudit, check: str) -> tuple[int, ...] | None:
    """The rows of a finding; None where the check found nothing."""
    return next((finding.rows for finding in found.findings if finding.check == check), None)


def names(found: PreferenceAudit) -> set[str]:
    """The checks that found something worth mending."""
    return {finding.check for finding in found.findings if finding.severity != "note"}
