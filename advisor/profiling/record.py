"""What `profile` found, as a file that machines read: frozen, strict, every default on its field."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["info", "warning", "blocking"]
Scope = Literal["all rows", "sample", "test file"]
AnswersAs = Literal["demonstrations", "bare answers", "preferences", "ratings", "none"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProfileFinding(_Part):
    """What is wrong or worth knowing, with how often and where, and what to do."""

    check: str
    severity: Severity
    what: str
    count: int = Field(description="Rows that it holds of.")
    of: int = Field(description="Rows that were looked at.")
    share: float = Field(description="count / of; 0 where nothing was looked at.")
    scope: Scope
    rows: tuple[int, ...] = Field((), description="Row numbers of examples, at most 20; in text files they are lines.")
    fix: str = ""


class Sizes(_Part):
    """Characters or tokens of a text."""

    least: int
    p5: int
    median: int
    p95: int
    p99: int
    most: int


class Labels(_Part):
    """Answers that are one of a few. kinds: how many. commonest, rarest: with their rows. skew: one over the other."""

    kinds: int
    commonest: tuple[tuple[str, int], ...]
    rarest: tuple[tuple[str, int], ...]
    skew: float


class Guess(_Part):
    """The most frequent answer (None where it is long and the sample lacks it); the share of rows it is right in."""

    answer: str | None
    share: float
    scope: Scope


class Tokens(_Part):
    """Of the sample. counted_by: the tokenizer, or how the number is estimated."""

    counted_by: str
    prompt: Sizes | None
    answer: Sizes | None


class Fit(_Part):
    """The grader that compares such answers; type is None where none of this version does. tried, accepted: rows of the
    sample, and those whose own answer it accepts."""

    type: str | None
    tried: int = 0
    accepted: int = 0
    sentence: str


class DataReport(_Part):
    """All rows: num_rows to guess. The sample: the rest, n = num_sampled, drawn with `seed`."""

    source: str
    test: str | None
    layout: str
    roles: dict[str, str]
    notes: tuple[str, ...]
    num_rows: int
    num_prompts: int = Field(description="Different ones.")
    num_answered: int
    num_answers: int = Field(description="Different ones.")
    num_test: int | None
    empty: dict[str, int] = Field(description="Column: rows where it is null, empty or blank.")
    prompt_chars: Sizes | None
    answer_chars: Sizes | None
    labels: Labels | None
    guess: Guess | None
    num_sampled: int
    seed: int
    tokens: Tokens
    languages: dict[str, int] = Field(description="Language of the prompt: rows of the sample.")
    answer_kind: str
    answers_are: AnswersAs
    grader: Fit
    findings: tuple[ProfileFinding, ...] = Field(description="Blocking ones first.")

    @property
    def blocked(self) -> bool:
        """Whether training on this would be wasted."""
        return any(finding.severity == "blocking" for finding in self.findings)
