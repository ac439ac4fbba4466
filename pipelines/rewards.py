"""A grader as the one reward function handed to TRL. Parts are combined inside the grader; unscored is None."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graders.base import Grade, Grader, Sample
from graders.errors import UserError
from pipelines.alarms import PART_MEAN, PART_SPREAD, UNSCORED
from pipelines.data.rows import Row
from pipelines.sampling import Completion, split_reasoning

_SILENT_BATCHES = 2

RewardFunction = Callable[..., list[float | None]]


def reward_function(
    grader: Grader, rows: Sequence[Row], seen: Callable[[Mapping[str, Any]], None], overlong_from: int | None = None
) -> RewardFunction:
    """Rewards are scores in [0, 1], or a reward model's own numbers; None where the grader could not judge.

    The data set's column `row_index` says which of `rows` a prompt came from. `seen` gets one graded completion a
    batch, to be shown to the user: prompt, text, score and reason; an unscored one where there is one.
    overlong_from: the length limit in tokens of which answers near it lose up to 1; None: never. TRL's log gets the
    share of unscored answers and, for each part of the grades, its mean and its spread.
    Raises UserError where the first batches hold nothing that the grader could judge: hours of that would teach
    nothing. Later on a judge may be down for a while.
    """
    silent, heard = 0, False

    def reward(
        completions: list[Any],
        row_index: list[int],
        completion_ids: list[list[int]],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        answers = [answer_of(completion) for completion in completions]
        samples = [sample_of(rows[place], answer) for place, answer in zip(row_index, answers, strict=True)]
        grades: list[Grade] = grader.grade_all(samples)
        shown = next((place for place, grade in enumerate(grades) if grade.score is None), 0)
        first = {"prompt": samples[shown].prompt, "completion": answers[shown].text}
        seen({**first, "score": grades[shown].score, "why": grades[shown].reason})
        for name, value in grade_metrics(grades, row_index).items():
            log_metric(name, value)
        nonlocal silent, heard
        heard = heard or any(grade.score is not None for grade in grades)
        silent += not heard
        if silent >= _SILENT_BATCHES:
            raise _nothing_judged(len(grades), grades[0].reason)
        lengths = [len(ids) for ids in completion_ids]
        off = [0.0 if overlong_from is None else overlong(length, overlong_from) for length in lengths]
        given = [grader.reward(grade) for grade in grades]
        return [None if value is None else value - less for value, less in zip(given, off, strict=True)]

    reward.__name__ = "reward"
    return reward


def overlong(length: int, limit: int) -> float:
    """What an answer of so many tokens loses: 0 up to 80 % of the limit, then evenly up to 1 at the limit.

    DAPO's soft overlong punishment (arXiv 2503.14476, eq. 13: 16,384 tokens are free and 4,096 are punished).
    """
    free = limit - max(1, limit // 5)
    return min(1.0, max(0.0, (length - free) / (limit - free)))


def grade_metrics(grades: Sequence[Grade], row_index: Sequence[int]) -> dict[str, float]:
    """The share that is unscored; for each part its mean, and its mean standard deviation among a prompt's answers."""
    found = {UNSCORED: sum(grade.score is None for grade in grades) / len(grades)}
    for name in dict.fromkeys(name for grade in grades for name in grade.parts):
        groups: dict[int, list[float]] = {}
        for place, grade in zip(row_index, grades, strict=True):
            value = grade.parts.get(name)
            if value is not None:
                groups.setdefault(place, []).append(value)
        if groups:
            found[PART_MEAN.format(name)] = statistics.fmean(value for group in groups.values() for value in group)
            found[PART_SPREAD.format(name)] = statistics.fmean(map(statistics.pstdev, groups.values()))
    return found


def _nothing_judged(count: int, reason: str) -> UserError:
    return UserError(
        f"the grader could judge none of the first answers, {count:,} in the last batch: {reason}",
        "a reward for most answers",
        "`finetune-advisor grade validate PLAN ROWS` says what the rows lack; `grade run` shows each grade",
    )


def sample_of(row: Row, answer: Completion) -> Sample:
    """What a grader gets for one completion of a row."""
    return Sample(row.prompt, answer.text, row.expected, row.columns, answer.reasoning, row.messages)


def answer_of(completion: Any) -> Completion:
    """A completion's text without its reasoning block. TRL hands a conversational one as a list with one turn."""
    text = str(completion if isinstance(completion, str) else completion[-1]["content"])
    reasoning, answer = split_reasoning(text)
    return Completion(answer, reasoning, num_tokens=0, truncated=False)
