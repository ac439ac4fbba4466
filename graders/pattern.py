"""pattern: a regular expression must be found in the completion, or must not; a group of it may be compared.

In: a completion; with `compare: reference` also a reference, or a list of accepted ones. Out: 1 or 0. The syntax is
that of the `regex` package, which has Python's and more (https://github.com/mrabarnett/mrab-regex), and a time limit: a
search that does not end in half a second leaves the sample unscored.
Of several matches the last one counts, as the last answer does; `extract` names its group, or the whole match.
Limits: groups are compared as text, without spaces at the ends and without case where `ignore_case` is on.
"""

from functools import lru_cache
from typing import Any, Literal, Self

import regex
from pydantic import Field, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.texts import accepted_references, short

_SECONDS = 0.5
_HUGE_COUNT = regex.compile(r"\{[0-9]*,?[0-9]{5,}\}")


class Pattern(Grader):
    """Right when the pattern matches, or, with `must: not match`, when it does not."""

    type: Literal["pattern"] = "pattern"
    pattern: str = Field(min_length=1, description="A regular expression, such as 'Answer: (\\\\w+)$'.")
    must: Literal["match", "not match"] = Field("match", description="not match: the pattern must be nowhere.")
    where: Literal["anywhere", "whole"] = Field(
        "anywhere", description="whole: it spans the completion, ends stripped."
    )
    compare: Literal["nothing", "reference"] = Field(
        "nothing", description="reference: what was extracted must equal the reference."
    )
    extract: int | str = Field(0, description="The group to extract, by number or name; 0 is the whole match.")
    ignore_case: bool = Field(False, description="Upper and lower case are the same.")
    lines: bool = Field(False, description="^ and $ match at every line, not only at the ends.")
    dot_all: bool = Field(False, description="The dot matches line ends too.")

    @property
    def needs_reference(self) -> bool:
        """Only where something is compared."""
        return self.compare == "reference"

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        if _HUGE_COUNT.search(self.pattern):  # the regex package copies what is repeated: a{999999999} takes all memory
            raise ValueError("the pattern repeats something ten thousand times or more")
        try:
            compiled = self._compiled()
        except (regex.error, RecursionError, OverflowError) as error:
            raise ValueError(f"the pattern is no regular expression: {error}") from None
        groups = {*range(compiled.groups + 1), *compiled.groupindex}
        if self.extract not in groups:
            raise ValueError(f"the pattern has no group {self.extract!r}, only {sorted(map(str, groups))}")
        if self.must == "not match" and self.compare == "reference":
            raise ValueError("with must: not match there is nothing to compare")
        return self

    def grade(self, sample: Sample) -> Grade:
        wanted = [self._plain(text) for text in accepted_references(sample.reference)]
        if self.needs_reference and not wanted:
            return unscored(f"the reference {short(sample.reference)} is no text, number or list of them")
        try:
            found = self._found(sample.completion)
        except TimeoutError:
            return unscored(f"the search took longer than {_SECONDS:g} s: simplify the pattern", "other_error")
        if found is None:
            right = self.must == "not match"
            return Grade(float(right), f"{short(self.pattern)} is not found in the completion")
        extracted = found[self.extract]
        shown = short(extracted or "")
        if self.must == "not match":
            return Grade(0.0, f"{short(self.pattern)} is found, which it must not: {shown}", extracted=extracted)
        if not self.needs_reference:
            return Grade(1.0, f"{short(self.pattern)} is found: {shown}", extracted=extracted)
        right = extracted is not None and self._plain(extracted) in wanted
        verdict = "is" if right else "is not"
        return Grade(float(right), f"{shown} {verdict} {' or '.join(map(short, wanted[:3]))}", extracted=extracted)

    def _found(self, text: str) -> "regex.Match[str] | None":
        """The last match; the first where nothing is read from it. Raises TimeoutError."""
        compiled = self._compiled()
        if self.where == "whole":
            return compiled.fullmatch(text.strip(), timeout=_SECONDS)
        if not self.needs_reference:
            return compiled.search(text, timeout=_SECONDS)
        last = None
        for match in compiled.finditer(text, timeout=_SECONDS):
            last = match
        return last

    def _plain(self, text: str) -> str:
        return text.strip().casefold() if self.ignore_case else text.strip()

    def _compiled(self) -> Any:
        return _compiled(self.pattern, self.ignore_case, self.lines, self.dot_all)


@lru_cache(maxsize=256)
def _compiled(pattern: str, ignore_case: bool, lines: bool, dot_all: bool) -> Any:
    flags = regex.VERSION0 if not ignore_case else regex.VERSION0 | regex.IGNORECASE
    flags |= regex.MULTILINE if lines else 0
    return regex.compile(pattern, flags | (regex.DOTALL if dot_all else 0))
