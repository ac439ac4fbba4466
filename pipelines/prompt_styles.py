"""The same row asked in other words: what a better prompt alone would do. Pure.

In: a row. Out: its turns in one of four styles, and how an answer in that style is read.
- direct: the row as it is.
- step_by_step: think first, then the answer alone after "Answer:" (the last line that OpenAI's simple-evals and
  inspect_ai ask for). What follows that mark is graded, so that a grader of the whole text is fair to reasoning too;
  where the mark is missing, the whole is.
- answer_only: the answer without explanation. Where a model reasons unasked, only this tells what reasoning adds.
- few_shot: some training rows with their own answers as earlier turns (Brown et al. 2020, arXiv 2005.14165).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pipelines.data.answer_kind import final_answer, own_answer
from pipelines.data.rows import Message, Row
from pipelines.data.split import prompt_hash
from pipelines.plan import PromptStyle
from pipelines.sampling import Completion

Style = Literal["direct"] | PromptStyle
INSTRUCTIONS: dict[Style, str] = {
    "step_by_step": "Think step by step first. Then write `Answer:` and after it the final answer alone, in the form "
    "that was asked for.",
    "answer_only": "Write the final answer alone, without any explanation.",
}
SHOTS = 4
_MARK = re.compile(r"^[ \t>#*_]*(?:final[ ]+)?answer[ \t*_]*[:：][ \t*_]*", re.IGNORECASE | re.MULTILINE)
_BARE = 15
"""An answer with so many characters more than the reference is worked; as pipelines/data/answer_kind.py has it."""


def asked(row: Row, style: Style, shots: Sequence[Row] = ()) -> tuple[Message, ...]:
    """The row's turns in a style. shots: the rows that few_shot shows."""
    if style == "few_shot":
        system = [turn for turn in row.messages if turn["role"] == "system"]
        return (*system, *(turn for shot in shots for turn in _shown(shot)), *_talk(row))
    if style == "direct":
        return row.messages
    *before, last = row.messages
    return (*before, {**last, "content": f"{last['content']}\n\n{INSTRUCTIONS[style]}"})


def choose_shots(rows: Sequence[Row], asked_rows: Sequence[Row], most: int = SHOTS) -> list[Row]:
    """Rows to show: none that is asked, by a hash, worked answers before bare ones, and first such as differ."""
    held = {prompt_hash(row) for row in asked_rows}
    known = [row for row in rows if own_answer(row) and not row.tool_calls and prompt_hash(row) not in held]
    known.sort(key=lambda row: (row.completion is None, prompt_hash(row, "shots"), row.number))
    first: dict[str, Row] = {}
    for row in known:
        first.setdefault(final_answer(own_answer(row)), row)
    different = list(first.values())
    return [*different, *(row for row in known if row not in different)][:most]


def read(style: Style, answer: Completion) -> Completion:
    """The answer as it is graded: after the last mark, where the style asks for one and something follows it."""
    *_, last = [None, *_MARK.finditer(answer.text)]
    if style != "step_by_step" or last is None or not (after := answer.text[last.end() :].strip(" \t\r\n*_")):
        return answer
    thought = "\n".join(part for part in (answer.reasoning, answer.text[: last.start()].strip()) if part)
    return replace(answer, text=after, reasoning=thought)


def follows(style: Style, row: Row, answer: Completion) -> bool:
    """Whether the model did what the style asks: a model that does not understand an instruction measures nothing."""
    if style == "step_by_step":
        return _MARK.search(answer.text) is not None
    if style == "answer_only":
        return not answer.reasoning and len(answer.text) < len(final_answer(row.expected)) + _BARE
    return True


def _shown(shot: Row) -> tuple[Message, ...]:
    return (*_talk(shot), {"role": "assistant", "content": own_answer(shot) or ""})


def _talk(row: Row) -> tuple[Message, ...]:
    return tuple(turn for turn in row.messages if turn["role"] != "system")
