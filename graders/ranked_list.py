"""ranked_list: credit by the place of the right answer in the completion's list: 1 when it comes first.

In: a completion that is a JSON list (or an object that holds one and nothing else), or has one answer a line; where
lines are numbered or have bullets, only these count. A reference that is a text, a number or a list of accepted ones,
of which the best placed counts. Out: the credit of its place, from a table that the plan may give; 0 beyond the
table's end, and where it is not in the list. The default is 1, 0.7, 0.5, 0.35, 0.25: about 0.7 of the place before, and
nothing after five, so that a longer list of guesses gains nothing. An answer that is listed again takes no place.
Case, spaces and outer punctuation do not count; nor does what follows a colon or a dash in a line, "Lima: in Peru".
Limits: only the first 1,000 answers of the first 200,000 characters are read.
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Literal

from pydantic import Field, field_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.json_values import parsed, unfenced
from graders.set_items import BULLET, plain_text
from graders.texts import accepted_references, short

_MAX_CHARS = 200_000
_MAX_ANSWERS = 1000
_EXPLAINED = re.compile(r"[:：]|\s[-–—]\s")
_TRIM = " \t\r\n.,;:!?*_`'\"()[]{}<>。，；：！？、「」“”‘’（）【】"


class RankedList(Grader):
    """Credit that falls with the place of the right answer."""

    type: Literal["ranked_list"] = "ranked_list"
    credits: tuple[float, ...] = Field(
        (1.0, 0.7, 0.5, 0.35, 0.25),
        min_length=1,
        max_length=100,
        description="Credit of the first place, the second, …",
    )

    @field_validator("credits")
    @classmethod
    def _falling(cls, credits: tuple[float, ...]) -> tuple[float, ...]:
        if credits[0] != 1 or any(not 0 <= low <= high for high, low in pairwise(credits)):
            raise ValueError("the first credit is 1, and none is below 0 or higher than the one before")
        return credits

    def grade(self, sample: Sample) -> Grade:
        wanted = {key for text in accepted_references(sample.reference) if (key := _key(text))}
        if not wanted:
            return unscored(f"the reference {short(sample.reference)} is no text, number or list of them")
        ranking = _ranking(sample.completion[:_MAX_CHARS])
        if not ranking:
            return Grade(0.0, f"no list in the completion: {short(sample.completion)}")
        listed = ", ".join(text for text, _ in ranking)[:1000]
        place = next((place for place, (_, keys) in enumerate(ranking, start=1) if keys & wanted), None)
        if place is None:
            return Grade(0.0, f"none of the {len(ranking)} answers is {short(sample.reference)}", extracted=listed)
        score = self.credits[place - 1] if place <= len(self.credits) else 0.0
        beyond = "" if place <= len(self.credits) else f", and only {len(self.credits)} places earn credit"
        said = f"{short(ranking[place - 1][0])} is right, at place {place} of {len(ranking)}{beyond}"
        return Grade(score, said, extracted=listed, raw=float(place))


def _ranking(text: str) -> list[tuple[str, set[str]]]:
    """Each answer once, in order: as it stands, and the ways in which it may be compared."""
    seen: set[str] = set()
    ranking = []
    for answer in islice(_answers(text), _MAX_ANSWERS):
        whole = _key(answer)
        head = _key(_EXPLAINED.split(answer, maxsplit=1)[0])
        if whole and (head or whole) not in seen:
            seen.add(head or whole)
            ranking.append((" ".join(answer[:100].split()), {whole, head} - {""}))
    return ranking


def _answers(text: str) -> Iterator[str]:
    listed = _listed(text)
    if listed is not None:
        return (plain_text(item) for item in listed)
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [BULLET.sub("", line) for line in lines if BULLET.match(line)]
    return iter(marked or lines)


def _listed(text: str) -> list[object] | None:
    inside = unfenced(text).strip()
    if inside[:1] not in ("[", "{"):
        return None
    try:
        value = parsed(inside)
    except ValueError:
        return None
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    return value if isinstance(value, list) else None


def _key(text: str) -> str:
    return " ".join(text[:2000].strip(_TRIM).casefold().split())
