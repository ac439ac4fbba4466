"""format: the completion has the shape that was asked for: tags in order, a length, a script.

In: the model's text; needs no reference. Out: the mean of the parts that are asked for, each with partial credit:
tags: the share of opening and closing tags that stand there once, in order, a closing one only after some content.
outside: 1 when nothing stands outside of the tags. length: 1 inside the limits, falling to 0 at nothing or at twice the
most; tags are not counted. script: 1 when `script_share` of the letters are of the scripts asked for, less in
proportion.
The tag think is looked for in the reasoning block too, where the chat template has taken it from the completion.
Tags counted one by one: open-r1's rewards (github.com/huggingface/open-r1). Limits: a script is no language (German and
English are both latin).
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from graders.base import Grade, Grader, Sample
from graders.words import letters, script_class, size


class Format(Grader):
    """Credit for tags, length and script, whatever the answer is."""

    needs_reference: ClassVar[bool] = False

    type: Literal["format"] = "format"
    tags: tuple[str, ...] = Field((), description="Tags in order, without brackets: [think, answer].")
    outside: Literal["forbidden", "allowed"] = Field("forbidden", description="Text outside of the tags.")
    at_least: int | None = Field(None, ge=1, description="The shortest length.")
    at_most: int | None = Field(None, ge=1, description="The greatest length.")
    count: Literal["words", "characters"] = Field("words", description="What lengths count; a Han character is a word.")
    scripts: tuple[str, ...] = Field(
        (), description="Unicode scripts that letters may have: latin, han, kana, hangul, cyrillic, arabic …"
    )
    script_share: float = Field(0.9, gt=0, le=1, description="Share of the letters that must be of these scripts.")

    @field_validator("tags")
    @classmethod
    def _names(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(tags)) < len(tags) or any(not tag or set(tag) & set("<>/ \n") for tag in tags):
            raise ValueError("write distinct names of tags without brackets, such as [think, answer]")
        return tags

    @field_validator("scripts")
    @classmethod
    def _known(cls, scripts: tuple[str, ...]) -> tuple[str, ...]:
        for script in scripts:
            script_class(script)
        return scripts

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not (self.tags or self.at_least or self.at_most or self.scripts):
            raise ValueError("nothing is asked for: give tags, at_least, at_most or scripts")
        if self.at_least and self.at_most and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least} is more than at_most {self.at_most}")
        return self

    def grade(self, sample: Sample) -> Grade:
        text = _with_reasoning(sample) if "think" in self.tags else sample.completion
        parts: dict[str, float] = {}
        said: list[str] = []
        if self.tags:
            self._add_tags(text, parts, said)
        for tag in self.tags:
            text = text.replace(f"<{tag}>", " ").replace(f"</{tag}>", " ")
        if self.at_least or self.at_most:
            parts["length"] = self._length(text, said)
        if self.scripts:
            parts["script"] = self._script(text, said)
        reason = "; ".join(said) if said else f"as asked for: {', '.join(parts)}"
        return Grade(sum(parts.values()) / len(parts), reason, parts=dict(parts))

    def _add_tags(self, text: str, parts: dict[str, float], said: list[str]) -> None:
        wrong = _wrong_marks(text, self.tags)
        parts["tags"] = 1 - len(wrong) / (2 * len(self.tags))
        said += wrong.values()
        if self.outside == "forbidden":
            clean = not wrong and not _outside(text, self.tags)
            parts["outside"] = float(clean)
            if not clean and not wrong:
                said.append("text outside of the tags")

    def _length(self, text: str, said: list[str]) -> float:
        found = size(text, self.count)
        if self.at_least and found < self.at_least:
            said.append(f"{found} {self.count}, at least {self.at_least} asked for")
            return found / self.at_least
        if self.at_most and found > self.at_most:
            said.append(f"{found} {self.count}, at most {self.at_most} asked for")
            return max(0.0, 2 - found / self.at_most)
        return 1.0

    def _script(self, text: str, said: list[str]) -> float:
        number = letters(text)
        share = letters(text, self.scripts) / number if number else 0.0
        if share >= self.script_share:
            return 1.0
        asked = " or ".join(self.scripts)
        said.append(f"{share:.0%} of the letters are {asked}" if number else f"no letters, {asked} asked for")
        return share / self.script_share


def _with_reasoning(sample: Sample) -> str:
    if not sample.reasoning or "<think>" in sample.completion:
        return sample.completion
    return f"<think>{sample.reasoning}</think>{sample.completion}"


def _wrong_marks(text: str, tags: Sequence[str]) -> dict[str, str]:
    """Mark → what is wrong with it. A right one stands there once, after the right ones that belong before it."""
    wrong: dict[str, str] = {}
    after = 0
    for tag in tags:
        for mark in (f"<{tag}>", f"</{tag}>"):
            number, place = text.count(mark), text.find(mark)
            if number != 1:
                wrong[mark] = f"{mark} is missing" if not number else f"{mark} stands there {number} times"
            elif place < after:
                wrong[mark] = f"{mark} is out of order"
            elif mark.startswith("</") and not text[after:place].strip():
                wrong[mark] = f"<{tag}> is empty"
            else:
                after = place + len(mark)
    return wrong


def _outside(text: str, tags: Sequence[str]) -> str:
    """What stands outside of tags that are all right."""
    rest = ""
    for tag in tags:
        before, _, text = text.partition(f"<{tag}>")
        _, _, text = text.partition(f"</{tag}>")
        rest += before.strip()
    return rest + text.strip()
