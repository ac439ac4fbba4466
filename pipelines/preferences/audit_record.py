"""What an audit of preferences found, as it is printed and as `--json` writes it. Shares are in [0, 1]."""

from pydantic import BaseModel, ConfigDict

from pipelines.data.rows import Finding
from pipelines.evals.audit_record import Verdict
from pipelines.preferences.shares import Share


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Record):
    """A number with its 95 % interval; n: from how many pairs."""

    value: float
    low: float
    high: float
    n: int


class Kappa(_Record):
    """Cohen's kappa of two annotators over the n pairs that both judged, ties as a third verdict; None: no chance."""

    first: str
    second: str
    kappa: float | None
    n: int


class Annotator(_Record):
    """votes: how many this annotator gave. with_majority: how often, where the majority of the others decided."""

    name: str
    judge: bool
    votes: int
    with_majority: Share | None


class Agreement(_Record):
    """Of pairs that several known people judged.

    pairwise: how often two of them agree, where both decided. ceiling: what any predictor of one more vote can reach
    (ceiling.py). alpha: Krippendorff's, ties as a third verdict; None where all verdicts are equal.
    """

    pairwise: Estimate
    ceiling: Estimate
    alpha: Estimate | None
    kappas: tuple[Kappa, ...]


class Generator(_Record):
    """How often the answers of one model were chosen, against those of others."""

    name: str
    won: Share


class Measures(_Record):
    """num_pairs: what training takes. disputed: rows of pairs that known annotators decided both ways.

    ties: of all votes that could be ties. both_bad: of answers. longer: how often the longer one was chosen, where they
    differ. surface: cross-validated accuracy of a rule of surface features (surface.py). first: how often the one that
    stands first won. held_out: pairs of test prompts, else of validation prompts; None: of neither.
    """

    num_rows: int
    num_pairs: int
    num_prompts: int
    num_votes: int
    annotators: tuple[Annotator, ...]
    ties: Share | None
    both_bad: Share | None
    longer: Share | None
    surface: Share | None
    first: Share | None
    agreement: Agreement | None
    generators: tuple[Generator, ...]
    held_out: int | None


class PreferenceAudit(_Record):
    """findings: errors first. verdict: unfit with an error, fix first with a warning."""

    source: str
    layout: str
    measures: Measures
    findings: tuple[Finding, ...]
    verdict: Verdict
