"""Where people answer: questions are handed out, answers kept, taken back, and counted; behind page and terminal.

An annotator sees every question: first those that others dispute, since there one more answer tells most; then those
whose completions the stage's grader finds closest, where it has one; the rest in an order that is the same for all, so
that those who stop early have answered the same ones. The completions of a question stand in an order of the
annotator's own.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from graders.errors import UserError
from pipelines.preferences.answers import Answer
from pipelines.preferences.answers_file import AnswersFile, line_of
from pipelines.preferences.questions import GAPS, Question, read_candidates, read_gaps
from pipelines.preferences.store import Kept, Store
from pipelines.preferences.tally import Tally


@dataclass(frozen=True, slots=True)
class Given:
    """What an annotator said. ranking: places in the order shown, best first, ties together. key: names the click."""

    key: str
    question: str
    annotator: str
    ranking: tuple[tuple[int, ...], ...]
    both_bad: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Before:
    """What stands before an annotator. question: None when all there are so far are answered. completions: in the
    order shown. answered, total: of this annotator. pairs, wanted: decided by all, of those that the plan asks for.
    undo: the number of the answer that can be taken back."""

    question: Question | None
    completions: tuple[str, ...]
    answered: int
    total: int
    pairs: int
    wanted: int
    undo: int | None


class Desk:
    """candidates: the file that the stage writes. prompts: hashes of those that training may see. wanted: pairs."""

    def __init__(self, candidates: Path, store: Store, file: AnswersFile, prompts: frozenset[str], wanted: int) -> None:
        self._candidates, self._store, self._file = candidates, store, file
        self._wanted = wanted
        self._sizes: list[int] = []
        self._questions: dict[str, Question] = {}
        self._gaps: dict[str, float] = {}
        self._tally = Tally(prompts)
        for row in store.live():
            self._tally.count(row.answer)

    def questions(self) -> Mapping[str, Question]:
        """By id, as far as they are sampled."""
        gaps = self._candidates.with_name(GAPS)
        sizes = [path.stat().st_size if path.exists() else 0 for path in (self._candidates, gaps)]
        if sizes != self._sizes:
            found = read_candidates(self._candidates)
            self._questions = {question.id: question for question in found if len(question.completions) > 1}
            self._gaps = read_gaps(gaps)
            self._sizes = sizes
        return self._questions

    def before(self, annotator: str, skipped: Collection[str] = (), first: str | None = None) -> Before:
        """The next question for an annotator: `first` if it is open, those that others dispute, then those with the
        smallest gap, and those that were skipped at the end."""
        questions, answered = self.questions(), self._store.answered(annotator)
        left = [name for name in questions if name not in answered]
        disputed = self._tally.disputed()
        left.sort(key=lambda name: (name != first, name in skipped, name not in disputed, self._gap(name)))
        question = questions[left[0]] if left else None
        shown = tuple(question.completions[place] for place in question.order(annotator)) if question else ()
        done, undo = len(questions) - len(left), self._store.last(annotator)
        return Before(question, shown, done, len(questions), self._tally.pairs, self._wanted, undo)

    def _gap(self, question: str) -> float:
        return self._gaps.get(question, math.inf)

    def give(self, given: Given) -> None:
        """Keeps an answer, in the store and the file, before it returns. The same click twice is one answer.

        Raises UserError for an answer to no question, or one that does not rank all of its completions.
        """
        question = self.questions().get(given.question)
        if question is None:
            raise UserError(f"there is no question {given.question}", "one that was asked; was the policy changed?")
        answer = _answer(question, given)
        with self._file.alone():
            if self._store.give(given.key, question.id, line_of(answer), given.annotator):
                self._tally.count(answer)
            self._file.settle(self._store)

    def undo(self, annotator: str, number: int) -> Kept | None:
        """Takes back an answer of this annotator's; None when it is taken back already."""
        with self._file.alone():
            found = self._store.undo(number, annotator)
            if found:
                self._tally.count(found.answer, by=-1)
            self._file.settle(self._store)
        return found


def _answer(question: Question, given: Given) -> Answer:
    """Places as they were shown become places as they were sampled."""
    order = question.order(given.annotator)
    if sorted(place for group in given.ranking for place in group) != list(range(len(order))):
        raise UserError(f"the ranking {given.ranking} does not name each of {len(order)} completions once")
    return Answer(
        messages=question.messages,
        completions=question.completions,
        ranking=tuple(tuple(sorted(order[place] for place in group)) for group in given.ranking),
        both_bad=given.both_bad,
        note=given.note.strip(),
        annotator=given.annotator,
        given=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
