"""Samples → questions → verdicts → grades: the path that every grader with a model behind it takes."""

from collections.abc import Callable, Sequence
from typing import Any

from graders.base import Grade, Sample, unscored
from graders.errors import UserError
from graders.llm.chat import Question, ask_all
from graders.llm.server import Server
from graders.llm.verdict import unreadable, verdict

Verdicts = list[dict[str, Any]]


class Unreadable(Exception):
    """A verdict of the right form with content that means nothing, such as a score outside the scale."""


def grade_by_model(
    model: str,
    server: Server,
    samples: Sequence[Sample],
    ask: Callable[[Sample], Sequence[Question] | Grade],
    read: Callable[[Sample, Verdicts], Grade],
) -> list[Grade]:
    """One Grade a sample, in order; all questions are asked in one batch.

    ask: the questions of a sample, or its Grade where none is needed. read: the verdicts on them → the Grade; it raises
    Unreadable. A sample is unscored when one of its verdicts is. Raises UserError where nothing can be asked.
    """
    asked = [_guarded(ask, sample) for sample in samples]
    questions = [question for item in asked if not isinstance(item, Grade) for question in item]
    replies = iter(ask_all(model, server, questions) if questions else ())
    grades = []
    for sample, item in zip(samples, asked, strict=True):
        if isinstance(item, Grade):
            grades.append(item)
            continue
        answers = [(next(replies), question) for question in item]
        verdicts = [verdict(reply, question.form, sample.completion) for reply, question in answers]
        failed = next((found for found in verdicts if isinstance(found, Grade)), None)
        try:
            grades.append(failed or read(sample, [found for found in verdicts if not isinstance(found, Grade)]))
        except Unreadable as error:
            grades.append(unreadable(str(error), answers[0][0]))
    return grades


def _guarded(ask: Callable[[Sample], Sequence[Question] | Grade], sample: Sample) -> Sequence[Question] | Grade:
    try:
        return ask(sample)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - one strange row costs itself, not the batch
        return unscored(f"grader failed: {type(error).__name__}: {error}", "other_error")
