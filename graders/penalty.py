"""penalty: a factor in [0, 1] for length, repetition and copying of the prompt; 1 is no penalty.

In: a completion and its prompt; needs no reference. Out: the product of the factors that are asked for. Meant to be
multiplied with a grader of the answer in a `multi` formula such as `answer * brevity`: alone, it likes an empty text.
length: 1 up to `free` words, falling evenly to 0 at `most` (soft overlong punishment of DAPO, arXiv:2503.14476).
repetition: the share of n-grams that stood there before (seq-rep-n of Welleck et al. 2020, arXiv:1908.04319).
copying: the share of words in runs of n or more that the prompt has too (coverage of Grusky et al. 2018,
arXiv:1804.11283). Both shares are free up to `free_share` and fall evenly to 0 at 1.
Limits: short completions, of fewer than n words, neither repeat nor copy.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from graders.base import Grade, Grader, Sample
from graders.words import size, words


class Penalty(Grader):
    """A factor that takes from the reward of answers that are long, repeat themselves or copy the prompt."""

    needs_reference: ClassVar[bool] = False

    type: Literal["penalty"] = "penalty"
    free: int | None = Field(None, ge=0, description="Length that costs nothing.")
    most: int | None = Field(None, ge=1, description="Length from which on the factor is 0.")
    count: Literal["words", "characters"] = Field("words", description="What lengths count; a Han character is a word.")
    repetition: int | None = Field(None, ge=1, description="Penalise repeated runs of this many words, such as 4.")
    copying: int | None = Field(None, ge=1, description="Penalise runs of this many words from the prompt, such as 8.")
    free_share: float = Field(
        0.25,
        ge=0,
        lt=1,
        description="Share of repeated or copied words that costs nothing; 99% of worked sums have less.",
    )

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if (self.free is None) != (self.most is None):
            raise ValueError("free and most belong together: length costs nothing up to free and everything from most")
        if self.free is not None and self.most is not None and self.free >= self.most:
            raise ValueError(f"free ({self.free}) must be less than most ({self.most})")
        if self.free is None and self.repetition is None and self.copying is None:
            raise ValueError("nothing is penalised: give free and most, repetition or copying")
        return self

    def grade(self, sample: Sample) -> Grade:
        parts: dict[str, float] = {}
        said: list[str] = []
        if self.free is not None and self.most is not None:
            length = size(sample.completion, self.count)
            parts["length"] = min(1.0, max(0.0, (self.most - length) / (self.most - self.free)))
            said.append(f"{length} {self.count}")
        spoken = words(sample.completion.casefold()) if self.repetition or self.copying else []
        if self.repetition:
            share = repeated_share(spoken, self.repetition)
            parts["repetition"] = self._factor(share)
            said.append(f"{share:.0%} of the {self.repetition}-grams are repeated")
        if self.copying:
            share = copied_share(spoken, words(sample.prompt.casefold()), self.copying)
            parts["copying"] = self._factor(share)
            said.append(f"{share:.0%} of the words are copied from the prompt")
        factor = 1.0
        for part in parts.values():
            factor *= part
        return Grade(factor, "; ".join(said), parts=dict(parts))

    def _factor(self, share: float) -> float:
        return min(1.0, (1 - share) / (1 - self.free_share))


def repeated_share(spoken: Sequence[str], n: int) -> float:
    """The share of n-grams that are not the first of their kind; 0 of fewer than n words."""
    grams = _grams(spoken, n)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def copied_share(spoken: Sequence[str], prompt: Sequence[str], n: int) -> float:
    """The share of words that lie in a run of at least n that stands in the prompt."""
    known = set(_grams(prompt, n))
    covered = until = 0
    for start, gram in enumerate(_grams(spoken, n)):
        if gram in known:
            covered += start + n - max(start, until)
            until = start + n
    return covered / len(spoken) if spoken else 0.0


def _grams(spoken: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(spoken[start:] for start in range(n)), strict=False))
