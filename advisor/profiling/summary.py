"""Counts and sample → the parts of a DataReport that are no findings. Pure."""

import math
from collections.abc import Sequence

from advisor.grader_fit import GraderFit
from advisor.profiling.counts import Counts
from advisor.profiling.record import AnswersAs, Fit, Guess, Labels, Sizes, Tokens
from advisor.profiling.sameness import shown
from advisor.profiling.tokens import TokenCounter
from pipelines.data.answer_kind import AnswerKind
from pipelines.data.rows import Row

_SHOWN_LABELS = 10
_GUESS_CHARS = 200
_GRADERS = {
    "sql": "sql, which runs the query: it needs a database",
    "code": "code_tests, which runs the program: it needs tests in a column",
    "latex": "math, which compares expressions",
    "long_text": "none compares free text exactly: a judge, a rubric, similarity, or SFT alone",
    "preference_pairs": "a reward model, learned from the pairs",
    "thumbs": "none is needed: kto learns from ratings",
    "none": "none: there is no answer to compare with",
}


def labels_of(counts: Counts, kind: str) -> Labels | None:
    """Where answers are one of a few."""
    if kind != "one_of_few" or not counts.labels:
        return None
    few = counts.labels
    return Labels(
        kinds=counts.num_labels,
        commonest=few[:_SHOWN_LABELS],
        rarest=few[: -_SHOWN_LABELS - 1 : -1],
        skew=few[0][1] / few[-1][1],
    )


def guess_of(counts: Counts, answer: str, answers: AnswerKind) -> Guess | None:
    """Over all rows; where an answer is the end of a longer text, over the sample, whose ends are read."""
    if not counts.num_answered or answers.kind in ("preference_pairs", "thumbs", "none"):
        return None
    if answers.worked and answers.guess_rate > counts.commonest / counts.num_answered:
        label = answers.labels[0][0] if answers.labels else None
        return Guess(answer=label, share=answers.guess_rate, scope="sample")
    return Guess(answer=answer[:_GUESS_CHARS] or None, share=counts.commonest / counts.num_answered, scope="all rows")


def tokens_of(rows: Sequence[Row], counter: TokenCounter) -> Tokens:
    """Prompts with all their turns, and what a model would write."""
    prompts = ["\n".join(str(turn["content"]) for turn in row.messages) for row in rows]
    answers = [text for row in rows if (text := shown(row))]
    return Tokens(
        counted_by=counter.name, prompt=_spread(counter.count(prompts)), answer=_spread(counter.count(answers))
    )


def _spread(numbers: list[int]) -> Sizes | None:
    ordered = sorted(numbers)
    if not ordered:
        return None
    p5, median, p95, p99 = (ordered[max(1, math.ceil(share * len(ordered))) - 1] for share in (0.05, 0.5, 0.95, 0.99))
    return Sizes(least=ordered[0], p5=p5, median=median, p95=p95, p99=p99, most=ordered[-1])


def answers_as(kind: str, answers: AnswerKind) -> AnswersAs:
    """Whether the answers show how, or only what."""
    if kind in ("preference_pairs", "thumbs", "none"):
        known: dict[str, AnswersAs] = {"preference_pairs": "preferences", "thumbs": "ratings", "none": "none"}
        return known[kind]
    whole = kind in ("long_text", "code", "sql")
    return "demonstrations" if answers.worked or whole else "bare answers"


def fit_of(kind: str, fit: GraderFit | None) -> Fit:
    """The grader for such answers, and how it did on the rows' own."""
    if fit is None:
        named = {"sql": "sql", "code": "code_tests", "latex": "math", "preference_pairs": "reward_model"}
        return Fit(type=named.get(kind), sentence=_GRADERS.get(kind, _GRADERS["long_text"]))
    tried = f"{fit.grader.type} accepts {fit.accepted:,} of {fit.tried:,} sampled rows' own answers"
    sentence = f"{tried}; not to be used: {fit.problem}" if fit.problem else tried
    return Fit(type=fit.grader.type, tried=fit.tried, accepted=fit.accepted, sentence=sentence)
