"""A judge answers what people are asked, marked as a judge's: source "judge", annotator the model's name.

In: questions and a grader of type `judge`. Out: answers. Each pair of completions is compared in both orders; where the
two disagree it is a tie. More than two are ranked by their points: 1 for a win, 0.5 for a tie.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import combinations

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.judge import Judge
from pipelines.plan import Plan
from pipelines.preferences.answers import Answer
from pipelines.preferences.questions import Question

AT_ONCE = 16
"""Questions whose answers are kept together."""


def judge_of(plan: Plan, name: str | None) -> Judge:
    """The plan's judge of that name, or its only one, set to compare. Raises UserError where there is none."""
    judges = {key: grader for key, grader in plan.graders.items() if isinstance(grader, Judge)}
    if name is None and len(judges) == 1:
        name = next(iter(judges))
    if name is None or name not in judges:
        found = f"the plan's judges: {', '.join(judges)}" if judges else "the plan has no grader of type `judge`"
        raise UserError(f"no judge {f'called `{name}`' if name else 'is named'}; {found}", "--judge NAME of a grader")
    return judges[name].comparing()


def judged(judge: Judge, questions: Sequence[Question]) -> Iterator[tuple[list[Answer], list[str]]]:
    """Some questions at a time: the answers, and why others have none."""
    for start in range(0, len(questions), AT_ONCE):
        some = questions[start : start + AT_ONCE]
        asked = [(place, pair) for place, q in enumerate(some) for pair in combinations(range(len(q.completions)), 2)]
        grades = judge.grade_all([_sample(some[place], pair) for place, pair in asked])
        answers, failed = [], []
        for place, question in enumerate(some):
            own = {pair: grade for (other, pair), grade in zip(asked, grades, strict=True) if other == place}
            lacking = [grade.reason for grade in own.values() if grade.score is None]
            if lacking:
                failed.append(lacking[0])
            else:
                answers.append(_answer(judge, question, own))
        yield answers, failed


def _sample(question: Question, pair: tuple[int, int]) -> Sample:
    one, other = (question.completions[place] for place in pair)
    turns = [turn.model_dump() for turn in question.messages]
    return Sample(question.messages[-1].content, one, reference=other, messages=turns)


def _answer(judge: Judge, question: Question, grades: dict[tuple[int, int], Grade]) -> Answer:
    points = [0.0] * len(question.completions)
    for (one, other), grade in grades.items():
        won = {0.0: 0.0, 1.0: 1.0}.get(grade.score if grade.score is not None else 0.5, 0.5)
        points[one] += won
        points[other] += 1 - won
    groups = [
        [place for place, own in enumerate(points) if own == value] for value in sorted(set(points), reverse=True)
    ]
    return Answer(
        messages=question.messages,
        completions=question.completions,
        ranking=tuple(map(tuple, groups)),
        note="; ".join(grade.reason for grade in grades.values()),
        annotator=judge.model,
        source="judge",
        given=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
