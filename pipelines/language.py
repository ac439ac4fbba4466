"""What people read, in their language: `shown(text)` where it is printed, and nowhere else.

Sentences are made and kept in English, so that plans, reports for machines and JSON are the same in every language. A
table (`languages/zh.txt`) holds each sentence as it stands in the code, with its values in braces, and below it the
same in the language. A finished sentence is told by the template that it fits; its values move over, those of several
words translated in turn. What no template fits stays English.
"""

import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from graders.errors import UserError

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
VARIABLE = "FINETUNE_ADVISOR_LANG"
FOLDER = Path(__file__).parent / "languages"
VALUE = re.compile(r"\{[^{}]*\}")
"""A value's place in a template, such as {n} or {f.base_score:.1%}."""

_spoken: ContextVar[Language] = ContextVar("language", default="en")


def speak(language: Language) -> None:
    """From here on `shown` gives this language."""
    _spoken.set(language)


def preferred(environment: Mapping[str, str] = os.environ) -> Language:
    """What FINETUNE_ADVISOR_LANG says, else the locale's language. Raises UserError for a language we lack."""
    if named := environment.get(VARIABLE):
        for language in LANGUAGES:
            if named == language:
                return language
        raise UserError(f"{VARIABLE} is {named!r}", f"one of {', '.join(LANGUAGES)}")
    locale = next((found for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (found := environment.get(name))), "")
    return "zh" if locale.casefold().startswith("zh") else "en"


def shown(text: str) -> str:
    """The English text in the language that is spoken."""
    language = _spoken.get()
    return text if language == "en" else _translated(text, read_table(language))


def shown_value(value: str) -> str:
    """A value in the language. One word is a name, a number or a row's own; several may be a sentence of ours."""
    return shown(value) if " " in value.strip() else value


@dataclass(frozen=True, slots=True)
class Template:
    """An English sentence with places for values, and what it is in the other language, with the same places."""

    english: str
    other: str

    @property
    def places(self) -> list[str]:
        """The places in the order in which the English has them."""
        return VALUE.findall(self.english)

    @property
    def order(self) -> tuple[bool, int]:
        """Of two templates that fit, the one that begins with words of its own, then the one that has more of them."""
        return VALUE.match(self.english) is not None, -len(VALUE.sub("", self.english))


@dataclass(frozen=True, slots=True)
class Table:
    """whole: sentences without values. templates: the others with their patterns, in their order."""

    whole: Mapping[str, str]
    templates: tuple[tuple[re.Pattern[str], Template], ...]


@cache
def read_table(language: Language) -> Table:
    """The table of a language other than English."""
    pairs = read_pairs((FOLDER / f"{language}.txt").read_text(encoding="utf-8"))
    templates = sorted((pair for pair in pairs if pair.places), key=lambda pair: pair.order)
    whole = {pair.english: pair.other for pair in pairs if not pair.places}
    return Table(whole, tuple((_pattern(template.english), template) for template in templates))


def read_pairs(text: str) -> list[Template]:
    """Blocks of two lines, parted by blank ones; one that begins or ends with a space stands in quotes, # begins a
    comment. Raises ValueError for other blocks."""
    blocks = [[line for line in block.split("\n") if line and f"{line} "[:2] != "# "] for block in text.split("\n\n")]
    return [Template(*_two(block)) for block in blocks if block]


def _two(block: list[str]) -> tuple[str, str]:
    if len(block) != 2:
        raise ValueError(f"not an English line and its translation: {block}")
    english, other = (line[1:-1] if len(line) > 1 and line[0] == line[-1] == '"' else line for line in block)
    return english, other


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each place's value in it."""
    return VALUE.sub(lambda place: values[place.group()], text)


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.*?)".join(map(re.escape, VALUE.split(english))), re.DOTALL)


def _translated(text: str, table: Table) -> str:
    if text in table.whole:
        return table.whole[text]
    for pattern, template in table.templates:
        if found := pattern.fullmatch(text):
            values = dict(zip(template.places, map(shown_value, found.groups()), strict=True))
            return filled(template.other, values)
    return text
