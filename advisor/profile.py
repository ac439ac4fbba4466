"""Rows → DataProfile: what can be measured before anyone is asked. Pure."""

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from advisor.grader_fit import GraderFit, fit_grader
from pipelines.data.answer_kind import AnswerKind, answer_kind, answer_text
from pipelines.data.rows import Finding, Row, Rows, Split


@dataclass(frozen=True, slots=True)
class Lengths:
    """Characters: the median and the 95th percentile."""

    median: int
    p95: int


CHARS_PER_TOKEN, WIDE_PER_TOKEN = 3.0, 1.5
"""English prose has four characters a token, code and numbers two to three; Chinese and Japanese one to two."""
_WIDE = re.compile(r"[\u2e80-\uffef]")


@dataclass(frozen=True, slots=True)
class DataProfile:
    """What a data set holds.

    num_prompts: distinct ones. num_unpaired: those of them that no pair answers. num_completions: rows to imitate.
    num_references: rows with an answer to compare with. num_labelled: rows that SFT would imitate: those with a
    completion or, where none has one, those with a reference. num_pairs: chosen/rejected. num_thumbs: answers marked
    good or bad. num_tools: rows with tools.
    num_bare: of num_completions those that show no steps, where enough others do.
    demonstrations: the answers show how (worked steps, or the whole text wanted), not only a final answer.
    word_problems: the answers are numbers, and most prompts are words with two or more numbers in them.
    contradictions: share of the rows that ask what another asks and answer otherwise, where but one can be right.
    fit: the grader for these answers, tried on them; None where no grader here compares such answers.
    prompt_tokens, answer_tokens: medians, reckoned from the characters, since no model is loaded.
    num_train, num_test: rows of these parts of the split; None where nobody split.
    """

    source: str
    layout: str
    roles: Mapping[str, str]
    notes: tuple[str, ...]
    num_rows: int
    num_prompts: int
    num_unpaired: int
    num_completions: int
    num_references: int
    num_labelled: int
    num_pairs: int
    num_thumbs: int
    num_tools: int
    num_bare: int
    answers: AnswerKind
    demonstrations: bool
    word_problems: bool
    contradictions: float
    fit: GraderFit | None
    prompt_chars: Lengths
    answer_chars: Lengths
    prompt_tokens: int
    answer_tokens: int
    findings: tuple[Finding, ...]
    num_train: int | None = None
    num_test: int | None = None


def profile(
    rows: Rows,
    findings: Sequence[Finding] = (),
    preferred: Sequence[Row] | None = None,
    split: Split | None = None,
) -> DataProfile:
    """Measures the rows. findings: what the checks of the data said. preferred: rows of a file of preferences, which
    then count as such in place of these. split: of the rows."""
    each = rows.rows
    compared = each if preferred is None else preferred
    answers = answer_kind(each)
    fit = fit_grader(each, answers)
    graded = [row for row in each if row.desirable is None]
    num_completions = sum(row.completion is not None for row in graded)
    answered = [text for row in each if (text := _answer(row)) is not None]
    num_answered = sum(row.expected is not None for row in graded)
    return DataProfile(
        source=rows.source,
        layout=rows.layout,
        roles=rows.roles,
        notes=rows.notes,
        num_rows=len(each),
        num_prompts=len(set(map(_asked, each))),
        num_unpaired=len(set(map(_asked, each)) - {_asked(row) for row in compared if row.is_pair}),
        num_completions=num_completions,
        num_references=sum(row.reference is not None for row in graded),
        num_labelled=num_completions or (0 if fit and fit.material else num_answered),
        num_pairs=sum(row.is_pair for row in compared),
        num_thumbs=sum(row.desirable is not None for row in compared),
        num_tools=sum(bool(row.tools or row.tool_calls) for row in each),
        num_bare=round(answers.bare * num_completions),
        answers=answers,
        demonstrations=answers.worked or answers.kind == "long_text",
        word_problems=answers.kind == "number" and _are_word_problems(each),
        contradictions=_contradictions(len(each), answers, findings),
        fit=fit,
        prompt_chars=_lengths(row.prompt for row in each),
        answer_chars=_lengths(answered),
        prompt_tokens=_tokens(row.prompt for row in each),
        answer_tokens=_tokens(answered),
        findings=tuple(findings),
        num_train=len(split.train.rows) if split else None,
        num_test=len(split.test.rows) if split else None,
    )


def _asked(row: Row) -> tuple[str, ...]:
    return tuple(str(message.get("content")) for message in row.messages)


def _answer(row: Row) -> str | None:
    """The longest thing that the model is to write."""
    if row.completion is not None:
        return row.completion
    return row.chosen if row.reference is None else answer_text(row.reference)


def _contradictions(num_rows: int, answers: AnswerKind, findings: Sequence[Finding]) -> float:
    """Worked answers and texts may differ in words and agree in what they say."""
    if answers.worked or answers.kind not in {"number", "one_of_few", "json"}:
        return 0.0
    return sum(finding.count for finding in findings if finding.check == "contradictions") / max(1, num_rows)


def _lengths(texts: Iterable[str]) -> Lengths:
    lengths = sorted(len(text) for text in texts)
    if not lengths:
        return Lengths(0, 0)
    return Lengths(round(statistics.median(lengths)), lengths[int(0.95 * (len(lengths) - 1))])


def _tokens(texts: Iterable[str]) -> int:
    """The median of what they have, some 30 % more or less."""
    found = []
    for text in texts:
        wide = len(_WIDE.findall(text))
        found.append(wide / WIDE_PER_TOKEN + (len(text) - wide) / CHARS_PER_TOKEN)
    return max(1, round(statistics.median(found))) if found else 0


def _are_word_problems(rows: Sequence[Row]) -> bool:
    hits = [_is_word_problem(row.prompt) for row in rows]
    return bool(hits) and sum(hits) >= 0.5 * len(hits)


def _is_word_problem(prompt: str) -> bool:
    """Two numbers among words; a sign of a script without spaces counts as three letters."""
    letters = sum(3 if char >= "\u2e80" else 1 for char in prompt if char.isalpha())
    return len(re.findall(r"\d+", prompt)) >= 2 and letters >= 24
