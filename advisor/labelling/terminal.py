"""The questions in a terminal, as over ssh; the same desk and the same keys as on the page."""

import secrets

import click
from rich.panel import Panel
from rich.text import Text

from advisor.cli.console import plain_console
from graders.errors import UserError
from pipelines.preferences.desk import Before, Desk, Given

Ranking = tuple[tuple[int, ...], ...]
_TWO: dict[str, Ranking] = {"1": ((0,), (1,)), "2": ((1,), (0,)), "=": ((0, 1),), "t": ((0, 1),), "b": ((0, 1),)}
_KEYS_OF_TWO = "1 2 which is better   = tie   b both bad   n note   u undo   s later   q end"
_KEYS_OF_MANY = (
    "best first, such as 2 1=3 4; what you leave out is last   b all bad   n note   u undo   s later   q end"
)


class Terminal:
    """One annotator at a desk."""

    def __init__(self, desk: Desk, annotator: str) -> None:
        self._desk, self._annotator = desk, annotator
        self._console = plain_console()
        self._skipped: list[str] = []
        self._first: str | None = None
        self._note = ""

    def ask(self) -> None:
        """Until all is answered, or the annotator ends it."""
        while (before := self._desk.before(self._annotator, self._skipped, self._first)).question is not None:
            self._show(before)
            said = self._read(len(before.completions) == 2)
            if said == "q":
                return
            self._heed(said, before)
        self._console.print("That was all. Thank you.")

    def _show(self, before: Before) -> None:
        assert before.question is not None
        done = f"{before.answered} of {before.total} answered by you, {before.pairs} of {before.wanted} pairs"
        self._console.rule(Text(done))
        for turn in before.question.messages:
            self._console.print(Text(turn.content, "bold" if turn.role == "user" else "dim"))
        for number, completion in enumerate(before.completions, start=1):
            self._console.print(Panel(Text(completion or "an empty answer"), title=str(number), title_align="left"))
        keys = _KEYS_OF_TWO if len(before.completions) == 2 else _KEYS_OF_MANY
        self._console.print(Text(keys + (f"   note: {self._note}" if self._note else ""), "dim"))

    def _read(self, key_alone: bool) -> str:
        """What was typed; the end of the input and Ctrl-C are "q"."""
        try:
            return click.getchar().lower() if key_alone else str(click.prompt(">", prompt_suffix=" ")).strip().lower()
        except (EOFError, KeyboardInterrupt, click.Abort):
            return "q"
        except OSError as error:
            happened, fix = "there is no terminal to ask on", "leave --terminal out for a page, or use --import FILE"
            raise UserError(happened, "a terminal", fix) from error

    def _heed(self, said: str, before: Before) -> None:
        assert before.question is not None
        if said == "n":
            self._note = str(click.prompt("note", default="", show_default=False))
        elif said == "s":
            self._skipped.append(before.question.id)
        elif said == "u":
            self._undo(before)
        else:
            self._answer(said, before)

    def _undo(self, before: Before) -> None:
        taken = self._desk.undo(self._annotator, before.undo) if before.undo is not None else None
        self._first = taken.question if taken else None
        self._note = taken.answer.note if taken else ""
        self._console.print("Taken back. Answer it again." if taken else "There is nothing to take back.")

    def _answer(self, said: str, before: Before) -> None:
        assert before.question is not None
        ranking = _TWO.get(said) if len(before.completions) == 2 else read_ranking(said, len(before.completions))
        if ranking is None:
            self._console.print(f"{said!r} is none of the keys.")
            return
        key = secrets.token_hex(12)
        self._desk.give(Given(key, before.question.id, self._annotator, ranking, "b" in said, self._note))
        self._note = ""


def read_ranking(said: str, count: int) -> Ranking | None:
    """ "2 1=3" of four → ((1,), (0, 2), (3,)); None for what is no ranking. A "b" in it is passed over."""
    words = said.replace("b", " ").replace(">", " ").split()
    try:
        groups = [tuple(int(number) - 1 for number in word.split("=")) for word in words]
    except ValueError:
        return None
    named = [place for group in groups for place in group]
    if len(set(named)) < len(named) or not set(named) <= set(range(count)) or not (named or "b" in said):
        return None
    rest = tuple(place for place in range(count) if place not in named)
    return (*groups, rest) if rest else tuple(groups)
