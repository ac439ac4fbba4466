"""Puts one question to a person on a terminal, with questionary. Ctrl-C raises KeyboardInterrupt."""

from collections.abc import Callable

from advisor.answers import Answer
from advisor.checks import Value
from advisor.questions import Question
from graders.errors import UserError


def ask(question: Question, default: Answer, check: Callable[[object], Value]) -> Value:
    """The person's answer; a bad one is explained and asked again."""
    import questionary

    questionary.print(f"\n{question.why} (default: {default.origin})", style="fg:ansibrightblack")
    if question.choices:
        choices = list(question.choices)
        shown = spoken(default.value)
        chosen = questionary.select(question.text, choices, default=shown if shown in choices else None).unsafe_ask()
        return check(chosen)
    typed = questionary.text(question.text, default=spoken(default.value), validate=_fault(check)).unsafe_ask()
    return check(typed)


def spoken(value: Value) -> str:
    """A value as a person would type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fault(check: Callable[[object], Value]) -> Callable[[str], bool | str]:
    """True, or what is wrong with the typed answer."""

    def validate(typed: str) -> bool | str:
        try:
            check(typed)
        except UserError as error:
            return f"{error.happened}; expected {error.expected}"
        return True

    return validate
