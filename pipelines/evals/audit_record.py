"""What an audit found, as it is printed and as `--json` writes it. Rates are shares in [0, 1]."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["fit to train", "fix first", "unfit"]
Severity = Literal["note", "fix first", "unfit"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rate(_Record):
    """`wrong` of n, with its 95 % interval."""

    wrong: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """0 where nothing was tried."""
        return self.wrong / self.n if self.n else 0.0


class ProbeResult(_Record):
    """One probe: rows it got wrong, of the n rows where it was scored. rows: their numbers, the first 20."""

    name: str
    wanted: Literal["high", "low"]
    rate: Rate
    by_chance: float
    unscored: int
    mean_score: float | None
    rows: tuple[int, ...]


class Example(_Record):
    """One wrong grade, texts cut. score: None where it crashed."""

    row: int
    probe: str
    wanted: Literal["high", "low"]
    completion: str
    reference: str
    score: float | None
    reason: str


class Guessing(_Record):
    """What is earned without solving anything. Means are None where nothing could be tried.

    chance: mean score of another row's answer. majority: mean score of the commonest answer, given on every row.
    derived: the answer is what a derivation leads to: the rows show one, or are multiple choice by letters.
    """

    chance: float | None
    majority_answer: str | None
    majority: float | None
    derived: bool = False


class Behaviour(_Record):
    """How the grader behaves as a program.

    crashed: grades without a score for a reason of the grader's own, of num_grades. unusable: rows whose own answer is
    unscored without such an error (the reference cannot be used), of own_rows. unstable: grades that differed when
    repeated, of repeated. score_values: distinct scores seen. Latency in seconds for one grade.
    """

    num_grades: int
    crashed: int
    crashes: Mapping[str, int]
    unusable: int
    unusable_reasons: Mapping[str, int]
    unstable: int
    repeated: int
    score_values: int
    score_deviation: float
    seconds_p50: float
    seconds_p99: float


class Agreement(_Record):
    """Two scores of the same n completions. None where one side never varies, or has no pass and fail.

    left_out: completions that one side did not score.
    """

    other: str
    n: int
    left_out: int
    spearman: float | None
    kappa: float | None
    false_positives: Rate | None
    false_negatives: Rate | None


class Finding(_Record):
    """One thing to know, with what to do about it."""

    severity: Severity
    message: str
    fix: str = ""


class Audit(_Record):
    """needs_reference: false for a grader of form alone, of which no refusal of bad content is expected."""

    grader: Mapping[str, Any]
    needs_reference: bool
    kind: str
    num_rows: int
    own_rows: int
    probe_rows: int
    probes: tuple[ProbeResult, ...]
    false_negatives: Rate
    false_positives: Rate
    guessing: Guessing
    behaviour: Behaviour
    agreement: tuple[Agreement, ...] = ()
    order_consistency: Rate | None = None
    worst: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    verdict: Verdict = Field("fit to train")
