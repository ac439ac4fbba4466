"""What all answers together say so far, kept up to date as they come: pairs decided, and questions in dispute."""

import threading
from collections import Counter
from collections.abc import Set

from pipelines.preferences.answers import Answer, preferences
from pipelines.preferences.enough import Pair, decided
from pipelines.preferences.questions import question_id

_Vote = tuple[str, str, str]
"""A question, the completion that was preferred, the other."""


class Tally:
    """prompts: hashes of those that training may see; only pairs of theirs are counted. Threads may share it."""

    def __init__(self, prompts: Set[str]) -> None:
        self._prompts = prompts
        self._pairs: Counter[Pair] = Counter()
        self._votes: Counter[_Vote] = Counter()
        self._lock = threading.Lock()

    def count(self, answer: Answer, by: int = 1) -> None:
        """by -1: the answer was taken back."""
        question = question_id(answer.messages, answer.completions)
        with self._lock:
            for pair in decided(answer, self._prompts):
                self._pairs[pair] += by
            for found in preferences(answer):
                self._votes[question, found.chosen, found.rejected] += by

    @property
    def pairs(self) -> int:
        """Distinct pairs that some answer decides."""
        with self._lock:
            return sum(count > 0 for count in self._pairs.values())

    def disputed(self) -> set[str]:
        """Questions of which two answers order a pair in opposite ways: one more answer tells most there."""
        with self._lock:
            held = {vote for vote, count in self._votes.items() if count > 0}
        return {question for question, better, worse in held if (question, worse, better) in held}
