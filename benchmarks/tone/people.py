"""Simulated people: they rank completions by taste, with as much noise as real annotators have.

They never see the rule of polite.py: theirs is a feeling for warmth, rudeness and length, and now and then two
neighbours come out the wrong way round.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

from pipelines.preferences.answers import Answer
from pipelines.preferences.questions import Question

_WARM = re.compile(r"gladly|pleasure|of course|certainly|thank|sorry", re.IGNORECASE)
_COLD = re.compile(r"yourself|silly|nobody|not my job|alone|waste|stop|again you|should know", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z]+")


def liking(completion: str, chance: Random) -> float:
    """Warm beats cold beats no sentence at all; long is tiring; the rest is mood (logistic noise, scale 0.5)."""
    sentence = len(_WORDS.findall(completion)) >= 4 and not re.search(r"\d", completion)
    taste = 2.5 * bool(_WARM.search(completion)) - 2.0 * bool(_COLD.search(completion)) + 1.5 * sentence
    mood = chance.uniform(1e-6, 1 - 1e-6)
    return taste - max(0, len(completion) - 80) / 40 + 0.5 * math.log(mood / (1 - mood))


def rank(questions: Sequence[Question], annotator: str, seed: int) -> list[Answer]:
    """Each question's completions, best first."""
    answers = []
    for question in questions:
        chance = Random(f"{seed} {annotator} {question.id}")
        liked = [liking(completion, chance) for completion in question.completions]
        order = sorted(range(len(liked)), key=lambda place: -liked[place])
        ranking = tuple((place,) for place in order)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        answers.append(
            Answer(
                messages=question.messages,
                completions=question.completions,
                ranking=ranking,
                annotator=annotator,
                given=now,
            )
        )
    return answers
