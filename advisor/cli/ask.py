"""Puts one question to a person on a terminal, with questionary. Ctrl-C raises KeyboardInterrupt."""

from collections.abc import Callable

from advisor.answers import Answer
from advisor.checks import Value
from advisor.questions import Question
from graders.errors import UserError
from pipelines.language import shown, shown_value

_DEFAULT = {
    "measured": "The default is measured.",
    "assumed": "The default is a guess.",
    "told": "The default follows from what you said.",
}


def ask(question: Question, default: Answer, check: Callable[[object], Value]) -> Value:
    """The person's answer; a bad one is explained and asked again. Enter alone takes the default, shown in grey."""
    import questionary

    questionary.print(
        f"\n{shown(question.why)}{shown(' ')}{shown(_DEFAULT[default.origin])}", style="fg:ansibrightblack"
    )
    if question.choices:
        return check(_chosen(question, spoken(default.value)))
    taken = shown_value(spoken(default.value))

    def checked(typed: object) -> Value:
        return check(str(typed).strip() or taken)

    # Not typed for the person: a path would have to be written over it.
    grey = [("fg:ansibrightblack", taken)]
    return checked(questionary.text(shown(question.text), validate=_fault(checked), placeholder=grey).unsafe_ask())


def _chosen(question: Question, default: str) -> str:
    """One of the question's choices; what is shown of it is in the user's language."""
    import questionary

    choices = [questionary.Choice(shown(choice), value=choice) for choice in question.choices]
    start = next((choice for choice in choices if choice.value == default), None)
    hint = shown("(Use arrow keys)")
    return str(questionary.select(shown(question.text), choices, start, instruction=hint).unsafe_ask())


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
            return shown(f"{error.happened}; expected {error.expected}")
        return True

    return validate
