"""What people read, in their language: `shown(text)` where it is printed, and nowhere else.

Sentences are made and kept in English, so that plans, reports for machines and JSON are the same in every language. A
table (`languages/zh.txt`) holds each sentence as it stands in the code, with its values in braces, and below it the
same in the language. A finished sentence is told by the template that it fits; its values move over, those of several
words translated in turn. What no template fits stays English.
"""

import os
import re
from collections.abc import Callable, Mapping
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
_COUNTED = re.compile(r"\{(?:n|of|len\(.*\)|.*:[,.\d+]*[,fg%d])\}")
"""A place that only a number can fill, by its format or because it counts."""
_NUMBER = r"([-+−]?[\d.,]+(?:e[-+]?\d+)?%?|inf|nan)"
_MOST_PARTS = 20
"""A text of more parts is a row's or a library's own."""
_FEW_LETTERS = 12
"""A template with fewer letters of its own, such as "{rows} rows", also fits sentences that are not its own."""

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
    """A value in the language. One word is a name, a number or a row's own; several may be sentences of ours."""
    return shown_sentences(value) if " " in value.strip() else value


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
    def is_thin(self) -> bool:
        """Whether it has so few words of its own that its values must be looked at."""
        return len(re.sub(r"[^A-Za-z]", "", VALUE.sub("", self.english))) < _FEW_LETTERS

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
    pattern, end = "", 0
    for place in VALUE.finditer(english):
        pattern += re.escape(english[end : place.start()])
        pattern += _NUMBER if _COUNTED.fullmatch(place.group()) else "(.*?)"
        end = place.end()
    return re.compile(pattern + re.escape(english[end:]), re.DOTALL)


def _translated(text: str, table: Table) -> str:
    if text in table.whole:
        return table.whole[text]
    for pattern, template in table.templates:
        if (found := pattern.fullmatch(text)) and (values := _values(template, found.groups())) is not None:
            return filled(template.other, values)
    return text


def _values(template: Template, found: tuple[str, ...]) -> dict[str, str] | None:
    """Each place's value in the language; None where a template of few words would cut a sentence that is not its."""
    told = [shown_value(value) for value in found]
    if template.is_thin and any(_wordy(value) and value == said for value, said in zip(found, told, strict=True)):
        return None
    return dict(zip(template.places, told, strict=True))


def _wordy(value: str) -> bool:
    """Three words in a row."""
    return re.search(r"[A-Za-z]{2,},? [a-z]+,? [a-z]+", value) is not None


def shown_sentences(text: str) -> str:
    """A line of sentences parted by "; ", which some of them hold too, or of parts of a list.

    A name before a colon stays.
    """
    if _spoken.get() == "en":
        return text
    if (whole := _sentence(text)) is not None:
        return whole
    return _each(text, "; ", _listed)


def _listed(text: str) -> str:
    """Parted by commas; as it is where one of its sentences is not ours."""
    told = _each(text, ", ", str)
    return text if _wordy(told) else told


def _each(text: str, between: str, otherwise: Callable[[str], str]) -> str:
    """The sentences in the language, as many parts at a time as make one. otherwise: what becomes of one that is not
    ours."""
    parts, told = text.split(between), list[str]()
    if len(parts) > _MOST_PARTS:
        return text
    while parts:
        alone = next((place for place in range(1, len(parts)) if _sentence(parts[place])), len(parts))
        found = next((end for end in range(1, alone + 1) if _sentence(between.join(parts[:end]))), 1)
        sentence = between.join(parts[:found])
        told.append(_sentence(sentence) or otherwise(sentence))
        parts = parts[found:]
    return (shown(between) if between in text else "").join(told)


def _sentence(said: str) -> str | None:
    """None where the table does not have it."""
    if (whole := shown(said)) != said:
        return whole
    name, colon, rest = said.partition(": ")
    told = _sentence(rest) if colon and " " not in name else None
    return f"{name}{colon}{told}" if told is not None else None
