"""What the sample shows beside the counts over all rows: tokens, languages, the grader that fits, findings. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from advisor.grader_fit import GraderFit, fit_grader, try_grader
from advisor.profiling.findings_sample import sample_findings
from advisor.profiling.label_kind import label_kind
from advisor.profiling.language import language
from advisor.profiling.record import ProfileFinding, Tokens
from advisor.profiling.summary import tokens_of
from advisor.profiling.tokens import TokenCounter
from graders.math import Math
from pipelines.data.answer_kind import AnswerKind, answer_kind
from pipelines.data.rows import Rows


@dataclass(frozen=True, slots=True)
class Kind:
    """What the answers look like: `answer_kind`'s view, and the finer name."""

    answers: AnswerKind
    name: str


@dataclass(frozen=True, slots=True)
class Seen:
    """fit: None where no grader here compares such answers. languages: of the prompts, the commonest first."""

    fit: GraderFit | None
    languages: Mapping[str, int]
    tokens: Tokens
    findings: tuple[ProfileFinding, ...]


def kind_of(rows: Rows) -> Kind:
    """Of the answers of these rows."""
    answers = answer_kind(rows.rows)
    return Kind(answers, label_kind(rows.rows, answers))


def look(rows: Rows, kind: Kind, counter: TokenCounter) -> Seen:
    """Everything that takes Python a while."""
    fit = _fit(rows, kind)
    languages = dict(Counter(language(row.prompt) for row in rows.rows).most_common())
    findings = sample_findings(rows, kind.name, fit, languages, rows.source)
    return Seen(fit, languages, tokens_of(rows.rows, counter), tuple(findings))


def _fit(rows: Rows, kind: Kind) -> GraderFit | None:
    if kind.name == "latex":
        return try_grader(Math(), rows.rows)
    return fit_grader(rows.rows, kind.answers) if kind.name == kind.answers.kind else None
