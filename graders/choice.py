"""choice: the completion commits to one of a few labels or letters, and it is the reference's.

In: a completion; a reference that is one of the choices, a text that ends in one ("... The answer is B."), or a list of
accepted ones. Out: 1 or 0. The choices are given, or read from the references by `fitted`; without either, only a whole
answer that equals the reference is right.
Where `where: final`, these count, the first that applies: the whole completion; the text after `####`, in `\\boxed{}`
or after "answer is"; a last line that is a bare choice; the only choice mentioned at all. Naming several is wrong, but
for those that are called wrong ("not A", "A is wrong") or named in a reason ("the answer is B because A ...").
Single letters count as capitals, in brackets or before one ("(b)", "b)"); "A" and "I" before a word are prose.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, field_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.texts import accepted_references, marked_answers, short

_MAX_CHOICES = 500
_TRIM = " \t\r\n.,;:!?*_`'\"()[]{}<>$。，；：！？「」“”‘’（）【】"
_LETTER = "A-Za-z0-9_\u00c0-\u1fff"  # scripts that put spaces between words
_WRONG = (  # "A is wrong", A项错误
    r"[\"'”’)*`]{0,3}(?:\s(?:is|are|was)\s(?:not|wrong|incorrect|false)\b|\sisn['’]t\b|\s?(?:选?项)?是?(?:错误|错的|不对|不正确))"
)
_BECAUSE = re.compile(r"\b(?:because|since|as|whereas|while)\b|因为|由于", re.IGNORECASE)
_NARROW = {0xFF01 + i: 0x21 + i for i in range(94)}
_NOT = r"(?:\b(?:not|never|nor|neither|rather than|instead of)|n['’]t)\s(?:an?\s|the\s)?[\"'(*`]{0,2}"


class Choice(Grader):
    """Right when the completion commits to the reference's choice, and to no other."""

    type: Literal["choice"] = "choice"
    choices: tuple[str, ...] | None = Field(None, description="The labels or letters; else read from the references.")
    where: Literal["final", "whole"] = Field(
        "final", description="whole: the completion is the choice and nothing else; final: it ends in one."
    )

    @field_validator("choices", mode="before")
    @classmethod
    def _as_text(cls, choices: object) -> object:
        if not isinstance(choices, list | tuple):
            return choices
        if any(isinstance(choice, bool) for choice in choices):
            raise ValueError("YAML reads yes, no, on and off as true and false: write such a choice in quotes")
        return [str(choice) if isinstance(choice, int | float) else choice for choice in choices]

    @field_validator("choices")
    @classmethod
    def _distinct(cls, choices: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if choices is not None:
            names = {_key(choice) for choice in choices}
            if len(names) < 2 or len(names) < len(choices) or "" in names:
                raise ValueError("name two or more choices that differ in more than case, spaces and outer punctuation")
        return choices

    def fitted(self, references: Sequence[object]) -> Self:
        """With the distinct references as choices, where none were given and they look like labels."""
        if self.choices is not None:
            return self
        named: dict[str, str] = {}
        for reference in references:
            for text in accepted_references(reference):
                named.setdefault(_key(text), text.strip())
        named.pop("", None)
        longest = max(map(len, named.values()), default=0)
        if not 2 <= len(named) <= _MAX_CHOICES or longest > 100 or 2 * len(named) > len(references):
            return self
        return self.model_copy(update={"choices": tuple(named[key] for key in sorted(named))})

    def grade(self, sample: Sample) -> Grade:
        wanted = [
            self._choice_of(text) or _unlisted(text, self.choices) for text in accepted_references(sample.reference)
        ]
        right = [choice for choice in wanted if choice]
        if not right:
            return unscored(f"the reference {short(sample.reference)} is none of the choices")
        text = sample.completion
        found, how = self._committed(text if text.isascii() else text.translate(_NARROW), tuple(right))
        if not found:
            return Grade(0.0, how)
        expected = " or ".join(right)
        if _key(found) in {_key(choice) for choice in right}:
            return Grade(1.0, f"{found} ({how}) is the reference", extracted=found)
        return Grade(0.0, f"{found} ({how}) is not {short(expected)}", extracted=found)

    def _choice_of(self, reference: str) -> str | None:
        """The choice that a reference stands for; a worked reference is read as a completion would be."""
        if self.choices is None:
            return None
        return _whole(reference, self.choices) or _final(reference, self.choices)[0]

    def _committed(self, completion: str, right: tuple[str, ...]) -> tuple[str | None, str]:
        choices = self.choices or right
        if found := _whole(completion, choices):
            return found, "whole answer"
        if self.where == "whole" or self.choices is None:
            return None, f"{short(completion)} is not one choice and nothing else"
        return _final(completion, choices)


def _unlisted(reference: str, choices: tuple[str, ...] | None) -> str | None:
    return reference.strip() if choices is None else None


def _key(text: str) -> str:
    return " ".join(text.strip(_TRIM).casefold().split())


@lru_cache(maxsize=64)
def _by_key(choices: tuple[str, ...]) -> dict[str, str]:
    return {_key(choice): choice for choice in choices}


def _whole(text: str, choices: tuple[str, ...]) -> str | None:
    """The choice that the text is, but for case, spaces and outer punctuation."""
    return _by_key(choices).get(_key(text)) if len(text) < 10_000 else None


def _final(text: str, choices: tuple[str, ...]) -> tuple[str | None, str]:
    """The one choice a text commits to and how it was found; else None and why not."""
    bare = _bare_lines(text, choices)
    if len(set(bare)) > 1:
        return None, f"several choices listed: {', '.join(sorted(set(bare))[:5])}"
    for mark, line in marked_answers(text):
        if mark == "A:":  # "A: because ..." names the choice A
            continue
        if line and (found := _only(line, choices)):
            # "B because A is not": where reasons name others too, what stands before them counts
            return found if found[0] else _only(_BECAUSE.split(line, maxsplit=1)[0], choices) or found
    if bare and _whole(text.rstrip().rsplit("\n", 1)[-1], choices):
        return bare[-1], "last line"
    return _only(text, choices) or (None, "no choice named")


def _only(text: str, choices: tuple[str, ...]) -> tuple[str | None, str] | None:
    """The choice a text mentions; (None, why) when it mentions several; None when it mentions none."""
    if whole := _whole(text, choices):
        return whole, "marked answer"
    mentioned = dict.fromkeys(_mentions(text, choices))
    if len(mentioned) > 1:
        return None, f"several choices named: {', '.join(list(mentioned)[:5])}"
    return (next(iter(mentioned)), "only choice named") if mentioned else None


def _bare_lines(text: str, choices: tuple[str, ...]) -> list[str]:
    """The choices that stand alone on a line, or alone after "answer:" on one."""
    found = []
    for line in text.splitlines():
        after = line.rsplit(":", 1)[-1] if len(line) < 200 else line
        if choice := _whole(line, choices) or _whole(after, choices):
            found.append(choice)
    return found


def _mentions(text: str, choices: tuple[str, ...]) -> list[str]:
    by_key = _by_key(choices)
    return [
        by_key[_key(match["choice"])]
        for match in _pattern(choices).finditer(text)
        if match["choice"] and _is_mention(match["choice"], text, match.end("choice"))
    ]


@lru_cache(maxsize=64)
def _pattern(choices: tuple[str, ...]) -> re.Pattern[str]:
    """A choice, or a denied one outside the group; longest first, so that "not spam" is never read as "spam"."""
    names = sorted((choice.strip(_TRIM) for choice in choices), key=len, reverse=True)
    alternatives = "|".join(r"\s+".join(map(re.escape, name.split())) for name in names)
    named = rf"(?<![{_LETTER}])(?P<choice>{alternatives})(?![{_LETTER}])"
    called_wrong = rf"(?<![{_LETTER}])(?:{alternatives})(?![{_LETTER}]){_WRONG}"
    denied = rf"{_NOT}(?:{alternatives})(?![{_LETTER}])"
    return re.compile(rf"{called_wrong}|{named}|{denied}", re.IGNORECASE)


_PROSE = re.compile(r"(?:'|’|\s+(?!(?:and|or|nor|but|is|are|as|because|since|for|if|with|in|by|then)\b)[a-z])")


def _is_mention(choice: str, text: str, end: int) -> bool:
    """Words are; a single ASCII letter is when it is a capital and no article or pronoun, or stands at a bracket."""
    if len(choice) > 1 or not (choice.isascii() and choice.isalpha()):
        return True
    if text[end : end + 1] in {")", "]"}:
        return True
    if not choice.isupper():
        return False
    return choice not in {"A", "I"} or not _PROSE.match(text, end)
