"""One loop over the questions: given > earlier answers > asked > default. Every answer passes the question's check.

Where each comes from: `given` are flags and an answers file, `earlier` is answers.yaml beside the plan, `ask` puts a
question to a person on a terminal (None without one).
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from advisor.answers import Answer
from advisor.checks import NONE, STARTER, Value
from advisor.defaults import Context
from advisor.questions import DATA, QUESTIONS, Question
from graders.errors import UserError
from pipelines.data.table import did_you_mean, listed

Ask = Callable[[Question, Answer, Callable[[object], Value]], Value]
"""Puts a question to a person: the question, its default, and the check, which raises UserError on a bad answer."""


@dataclass(frozen=True, slots=True)
class Voices:
    """Who answers, in order of precedence. given and earlier have passed `check_all`."""

    given: Mapping[str, Value] = field(default_factory=dict)
    earlier: Mapping[str, Value] = field(default_factory=dict)
    ask: Ask | None = None


def interview(questions: Sequence[Question], context: Context, voices: Voices) -> dict[str, Answer]:
    """An answer to each question. On Ctrl-C the answers so far are on the KeyboardInterrupt as `answers`."""
    answers: dict[str, Answer] = {}
    context = replace(context, told={**context.told, **voices.earlier, **voices.given})
    for question in questions:
        try:
            answer = _answer(question, context, voices)
        except (KeyboardInterrupt, EOFError):
            raise Interrupted(answers) from None
        answers[question.key] = answer
        if answer.origin == "told":
            context = replace(context, told={**context.told, question.key: answer.value})
    return answers


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or the end of input, with what was answered until then."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        super().__init__()
        self.answers = answers


def _answer(question: Question, context: Context, voices: Voices) -> Answer:
    for known in (voices.given, voices.earlier):
        if question.key in known:
            return Answer(known[question.key], "told")
    default = question.default(context)
    if voices.ask is None or not question.when(context):
        return default
    return Answer(voices.ask(question, default, _check_typed(question, context.folder)), "told")


def _check_typed(question: Question, folder: Path) -> Callable[[object], Value]:
    def check(value: object) -> Value:
        return question.check(moved(value, Path.cwd(), folder) if question.is_path else value, folder)

    return check


def _checked(question: Question, value: object, folder: Path) -> Value:
    try:
        return question.check(value, folder)
    except UserError as error:
        where = f"{question.key}: {error.where}" if error.where else question.key
        raise UserError(error.happened, error.expected, error.fix, where) from error


def check_all(given: Mapping[str, object], folder: Path) -> dict[str, Value]:
    """Every given answer checked, before anything is asked. Raises UserError for unknown keys."""
    by_key = {question.key: question for question in (DATA, *QUESTIONS)}
    for key in given:
        if key not in by_key:
            raise UserError(f"there is no question {key!r}", f"one of {listed(by_key)}", did_you_mean(key, by_key))
    return {key: _checked(by_key[key], value, folder) for key, value in given.items()}


def parse_sets(pairs: Iterable[str]) -> dict[str, object]:
    """`--set key=value` options → mapping."""
    found: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set {pair!r} cannot be read", "key=value, such as --set reasoning_helps=yes")
        found[key.strip()] = value.strip()
    return found


def move_paths(answers: Mapping[str, object], start: Path, folder: Path) -> dict[str, object]:
    """The answers with their relative paths, which start from `start`, made relative to the plan's folder."""
    paths = {question.key for question in (DATA, *QUESTIONS) if question.is_path}
    return {key: moved(value, start, folder) if key in paths else value for key, value in answers.items()}


def moved(value: object, start: Path, folder: Path) -> object:
    """A path from `start` as a path from `folder`. No existing path, or an absolute one elsewhere, stays as it is."""
    name = str(value).strip()
    path, home = (start / Path(name).expanduser()).resolve(), folder.resolve()
    elsewhere = Path(name).is_absolute() and not path.is_relative_to(home)
    if name in {"", NONE, STARTER} or elsewhere or not path.exists():
        return value
    relative = Path(os.path.relpath(path, home)).as_posix()
    return relative if path.is_file() or relative.startswith(".") else f"./{relative}"
