"""A grader as the one reward function handed to TRL. Parts are combined inside the grader; unscored is None."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graders.base import Grade, Grader, Sample
from graders.errors import UserError
from pipelines.data.rows import Row
from pipelines.sampling import Completion, split_reasoning

_SILENT_BATCHES = 2

RewardFunction = Callable[..., list[float | None]]


def reward_function(grader: Grader, rows: Sequence[Row], seen: Callable[[Mapping[str, Any]], None]) -> RewardFunction:
    """Rewards are scores in [0, 1], or None where the grader could not judge.

    The data set's column `row_index` says which of `rows` a prompt came from. `seen` gets one graded completion a
    batch, to be shown to the user: prompt, text, score and reason. It raises UserError where the first batches hold
    nothing that the grader could judge: hours of that would teach nothing. Later on a judge may be down for a while.
    """
    silent, heard = 0, False

    def reward(completions: list[Any], row_index: list[int], **_: Any) -> list[float | None]:
        answers = [answer_of(completion) for completion in completions]
        samples = [sample_of(rows[place], answer) for place, answer in zip(row_index, answers, strict=True)]
        grades: list[Grade] = grader.grade_all(samples)
        first = {"prompt": samples[0].prompt, "completion": answers[0].text}
        seen({**first, "score": grades[0].score, "why": grades[0].reason})
        nonlocal silent, heard
        heard = heard or any(grade.score is not None for grade in grades)
        silent += not heard
        if silent >= _SILENT_BATCHES:
            raise _nothing_judged(len(grades), grades[0].reason)
        return [grade.score for grade in grades]

    reward.__name__ = "reward"
    return reward


def _nothing_judged(count: int, reason: str) -> UserError:
    return UserError(
        f"the grader could judge none of the first answers, {count:,} in the last batch: {reason}",
        "a reward for most answers",
        "`finetune-advisor grade validate PLAN ROWS` says what the rows lack; `grade run` shows each grade",
    )


def sample_of(row: Row, answer: Completion) -> Sample:
    """What a grader gets for one completion of a row."""
    return Sample(row.prompt, answer.text, row.expected, row.columns, answer.reasoning)


def answer_of(completion: Any) -> Completion:
    """A completion's text without its reasoning block. TRL hands a conversational one as a list with one turn."""
    text = str(completion if isinstance(completion, str) else completion[-1]["content"])
    reasoning, answer = split_reasoning(text)
    return Completion(answer, reasoning, num_tokens=0, truncated=False)
