"""Preferences that were collected elsewhere → answers in the store and the file.

In: a file of answers as `label` writes them, an export of Argilla or Label Studio, or rows with a chosen and a rejected
answer, or two answers and verdicts, in any layout that the data loader reads. Out: answers of source "import". The
same file twice is once.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graders.errors import UserError
from pipelines.data.load import load_rows
from pipelines.data.spec import DataSpec
from pipelines.data.table import listed
from pipelines.data.text import decode, read_bytes
from pipelines.files import digest_text
from pipelines.preferences.answers import Answer, Turn, numbered_lines, read_answer
from pipelines.preferences.answers_file import AnswersFile, line_of
from pipelines.preferences.label_tools import Record, answers_of, records_of
from pipelines.preferences.questions import as_turns, is_plain, question_id
from pipelines.preferences.store import Store
from pipelines.preferences.votes import Vote, votes_of

_RANKINGS: dict[int, tuple[tuple[int, ...], ...]] = {0: ((0, 1),), 1: ((0,), (1,)), 2: ((1,), (0,))}
"""By the winner of a vote: 0 is a tie."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds. without: numbers of the rows that hold no pair."""

    answers: tuple[Answer, ...]
    without: tuple[int, ...] = ()


def read_foreign(path: Path, annotator: str) -> Found:
    """annotator: whose answers they are where the file does not say. Raises UserError for lines that are no answers;
    then nothing is taken."""
    text = _text(path)
    lines = numbered_lines(text)
    if lines and '"ranking"' in lines[0][1] and '"completions"' in lines[0][1]:
        return Found(_answers(path, lines))
    records = records_of(_items(text))
    return _of_records(records) if records else _of_rows(path, annotator)


def _text(path: Path) -> str:
    """ "" for what is no text, such as parquet: that is the loader's."""
    try:
        return decode(read_bytes(path), str(path)) if path.is_file() else ""
    except UserError:
        return ""


def _answers(path: Path, lines: Sequence[tuple[int, str]]) -> tuple[Answer, ...]:
    answers, faults = [], []
    for number, line in lines:
        try:
            answers.append(read_answer(line, f"{path}:{number}"))
        except UserError as error:
            faults.append(f"line {number}: {error.happened}")
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        happened = f"{len(faults)} lines are no answers: {'; '.join(faults[:5])}{more}"
        raise UserError(happened, "answers as `finetune-advisor label` writes them", "mend or remove them", str(path))
    return tuple(answers)


def _items(text: str) -> list[Any]:
    """A JSON list, or JSON lines; empty for what is neither."""
    try:
        if text.lstrip().startswith("["):
            found = json.loads(text)
            return found if isinstance(found, list) else []
        return [json.loads(line) for _, line in numbered_lines(text)]
    except ValueError:
        return []


def _of_records(records: Sequence[Record]) -> Found:
    answers: list[Answer] = []
    without: dict[int, str] = {}
    for record in records:
        try:
            answers += (found := answers_of(record))
            if not found:
                without[record.number] = "nobody answered"
        except ValueError as error:  # a record of another form, or of texts that no answer can hold
            without[record.number] = str(error)
    if not answers:
        raise UserError(f"no record is a comparison: {next(iter(without.values()))}", "fields and answers to compare")
    return Found(tuple(answers), tuple(without))


def _of_rows(path: Path, annotator: str) -> Found:
    rows = load_rows(str(path.resolve()), DataSpec(train=str(path)), path.parent)
    if "chosen" not in rows.roles:
        raise UserError(
            "these rows hold no preferences",
            "a chosen and a rejected answer, two answers and who preferred which, or answers of `label`",
            f"finetune-advisor data {path} shows how they are read",
            str(path),
        )
    plain = {row.number: row for row in rows.rows if is_plain(row)}
    answers = {}
    for place, vote in enumerate(votes_of(rows)):
        if vote.row in plain and vote.first != vote.second:
            answers[vote.row, place] = _of_vote(vote, as_turns(plain[vote.row].messages), annotator)
    used = {row for row, _ in answers}
    return Found(tuple(answers.values()), tuple(row.number for row in rows.rows if row.number not in used))


def _of_vote(vote: Vote, messages: tuple[Turn, ...], annotator: str) -> Answer:
    return Answer(
        messages=messages,
        completions=(vote.first, vote.second),
        ranking=_RANKINGS[vote.winner],
        annotator=vote.annotator or annotator,
        source="judge" if vote.judge else "import",
    )


def take_in(answers: Iterable[Answer], store: Store, file: AnswersFile) -> int:
    """Keeps them in store and file, all or none; returns how many were not there before."""
    seen: Counter[str] = Counter()
    with file.alone():
        with store.writing():
            before = len(store.live())
            for answer in answers:
                line = line_of(answer)
                seen[line] += 1
                key = f"import {digest_text(f'{seen[line]} {line}')}"
                store.take_in(key, question_id(answer.messages, answer.completions), line, answer.annotator)
            added = len(store.live()) - before
        file.settle(store)
    return added


def told(found: Found, added: int, counted: int) -> str:
    """What was imported, in words. counted: how many of the answers are about prompts that training may see."""
    who = len({answer.annotator for answer in found.answers})
    parts = [f"{added} answers of {who} annotators were added; {len(found.answers) - added} were there already"]
    if found.without:
        parts.append(f"{len(found.without)} rows hold no two different answers: {listed(found.without)}")
    if outside := len(found.answers) - counted:
        parts.append(
            f"{outside} are about prompts that are no training or validation rows of the plan: they do not count"
        )
    return ".\n".join(parts) + "."
