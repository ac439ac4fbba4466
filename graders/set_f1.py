"""set_f1: the labels, or name–value pairs, that the completion lists against those of the reference: F1.

In: a completion and a reference, each a JSON list or object, or text separated by commas, semicolons or line ends
(`red, green`; `colour: red; size: 4`); bullets and places such as "1." are left out. Out: F1; precision and recall are
in parts. An object, or text of which each item has a colon or an equals sign, is a set of pairs; a list in an object
gives one pair an item. Case and spaces do not count, nor does naming a thing twice; naming everything costs precision.
Where an item may be partly right (`codes`, `values: fuzzy`) items are matched so that the sum is greatest (Hungarian
method, scipy), each once. The empty set is [] or {}, as the reference has it; no text is no set.
Limits: no more than 500 items on either side; a completion that lists more scores 0. Text without separators is one
item, so an answer inside a sentence is wrong.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from graders.base import Grade, Grader, Sample, unscored
from graders.json_compare import as_number, likeness
from graders.set_items import Item, items

_MAX_ITEMS = 500
_MAX_CHARS = 200_000
_LEAST_LIKENESS = 0.6
_BETWEEN_PARTS = re.compile(r"[^0-9a-z]+")


class SetF1(Grader):
    """F1 of the labels or pairs that are right."""

    type: Literal["set_f1"] = "set_f1"
    values: Literal["exact", "numeric", "fuzzy"] = Field(
        "exact",
        description="How the values of pairs of one name are compared. numeric: $1,200.00 is 1200; fuzzy: that too, "
        "and other values by the share of their text.",
    )
    codes: bool = Field(
        False, description="Labels are codes such as A.1.3: credit for the share of leading parts in common."
    )

    def grade(self, sample: Sample) -> Grade:
        try:
            wanted = items(sample.reference, _MAX_ITEMS)
        except ValueError as error:
            return unscored(f"the reference cannot be used: {error}")
        text = sample.completion
        if len(text) > _MAX_CHARS:
            return Grade(0.0, f"the completion is longer than {_MAX_CHARS} characters", extracted=text[:1000])
        try:
            found = items(text, _MAX_ITEMS, pairs=any(item.is_pair for item in wanted))
        except ValueError as error:
            return Grade(0.0, f"no set in the completion: {error}")
        if not wanted:
            return _against_nothing(found, text, sample.reference)
        if self.values != "exact":
            found, wanted = _with_numbers(found), _with_numbers(wanted)
        return _graded(found, wanted, self._credits(found, wanted))

    def _credits(self, found: Sequence[Item], wanted: Sequence[Item]) -> dict[tuple[int, int], float]:
        """(place in found, place in wanted) → credit, for an assignment that gives the most in all."""
        if self.values == "fuzzy" or self.codes:
            return _assigned([[self._credit(mine, theirs) for theirs in wanted] for mine in found])
        places = {item: place for place, item in enumerate(wanted)}
        return {(place, places[item]): 1.0 for place, item in enumerate(found) if item in places}

    def _credit(self, mine: Item, theirs: Item) -> float:
        if mine == theirs:
            return 1.0
        if mine.name != theirs.name or not (isinstance(mine.value, str) and isinstance(theirs.value, str)):
            return 0.0
        if not mine.is_pair:
            return _common_lead(mine.value, theirs.value) if self.codes else 0.0
        return likeness(mine.value, theirs.value, _LEAST_LIKENESS) if self.values == "fuzzy" else 0.0


def _with_numbers(items: Sequence[Item]) -> list[Item]:
    """Values of pairs that are numbers as numbers, each item once."""
    read = [(item, as_number(item.value) if item.is_pair else None) for item in items]
    return list(dict.fromkeys(item if number is None else replace(item, value=number) for item, number in read))


def _common_lead(mine: str, theirs: str) -> float:
    """The share of leading parts that two codes have in common: 2/3 for A.1.3 and A.1.4."""
    left, right = ([part for part in _BETWEEN_PARTS.split(code) if part] for code in (mine, theirs))
    common = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        common += 1
    return common / max(len(left), len(right), 1)


def _assigned(credits: list[list[float]]) -> dict[tuple[int, int], float]:
    if not credits or not credits[0]:
        return {}
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    table = np.array(credits)
    places = zip(*linear_sum_assignment(table, maximize=True), strict=True)
    return {(int(row), int(column)): float(table[row, column]) for row, column in places if table[row, column] > 0}


def _against_nothing(found: Sequence[Item], text: str, reference: object) -> Grade:
    empty = "{}" if reference == {} or (isinstance(reference, str) and "{" in reference) else "[]"
    right = not found and empty[0] in text
    said = (
        f"{empty} was wanted, and there is" if right else f"{empty} was wanted, not {len(found)} items or another kind:"
    )
    return Grade(float(right), f"{said} {text[:60]!r}", extracted=text[:1000])


def _graded(found: Sequence[Item], wanted: Sequence[Item], credits: dict[tuple[int, int], float]) -> Grade:
    total = sum(credits.values())
    score = min(1.0, 2 * total / (len(found) + len(wanted)))
    matched, met = {place for place, _ in credits}, {place for _, place in credits}
    lacking = [item.text for place, item in enumerate(wanted) if place not in met]
    needless = [item.text for place, item in enumerate(found) if place not in matched]
    partly = [f"{found[a].text} for {wanted[b].text}" for (a, b), credit in credits.items() if credit < 1]
    said = [f"{len(credits) - len(partly)} of {len(wanted)} right"]
    said += [
        f"{what}: {', '.join(name[:80] for name in names[:5])}"
        for what, names in (("partly", partly), ("missing", lacking), ("not wanted", needless))
        if names
    ]
    parts = {"precision": total / len(found) if found else 0.0, "recall": total / len(wanted)}
    return Grade(score, "; ".join(said), extracted=", ".join(item.text for item in found)[:1000], parts=parts)
