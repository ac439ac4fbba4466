"""Which of rejection sampling's rounds counts, and whether there is another: by their records alone, so that a killed
stage goes on as if it had not been."""

from collections.abc import Mapping, Sequence
from typing import Any

PATIENCE = 1
"""After so many rounds below the best there is one more: 150 validation rows, each answered once, tell a rise of 3
points badly, and a round that brings none still finds new answers."""

Round = Mapping[str, Any]
"""round.json: its number (`round`), whether anything new was there to be `trained` on, the `validation_score`, and the
numbers of its `training`."""


def goes_on(rounds: Sequence[Round], most: int) -> bool:
    """Whether there is another round after these."""
    if not rounds:
        return True
    if len(rounds) >= most or not rounds[-1]["trained"]:
        return False
    return bool(rounds[-1]["round"] - best_round(rounds)["round"] <= PATIENCE)


def best_round(rounds: Sequence[Round]) -> Round:
    """The one with the highest score: of equals the newest, which learned from most answers, but not one whose training
    was given up, since its model is an earlier one's. The last one where nobody could judge it."""
    trained = [one for one in rounds if one["trained"]]
    if not _is_judged(trained[-1]):
        return trained[-1]
    return max(filter(_is_judged, trained), key=_worth)


def _is_judged(one: Round) -> bool:
    return one["validation_score"] is not None


def _worth(one: Round) -> tuple[float, int]:
    given_up = one["training"].get("taken_from_step") == 0
    return float(one["validation_score"]), -one["round"] if given_up else one["round"]
