"""The three `grade` commands on files: a grader (pipelines/grader_file.py) and rows in, what was found out.

Rows are read as the grader's plan says, but for what the request names; a grader of a file of its own is fitted to the
rows as `init` would, one of a plan stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graders.base import Grader
from pipelines.data.outputs import Where, load_audited, load_outputs
from pipelines.data.rows import Rows
from pipelines.data.spec import DataSpec
from pipelines.evals.agreement import Scored, human_scores, scored
from pipelines.evals.audit import audit, compared, tried_texts
from pipelines.evals.audit_record import Audit
from pipelines.evals.grade_rows import RowGrade, Summary, grade_rows
from pipelines.evals.trials import Progress, grade_outputs
from pipelines.evals.validate import Validation, contract_failures, lacks
from pipelines.grader_file import NamedGrader, load_grader


@dataclass(frozen=True, slots=True)
class Request:
    """grader, against: files. rows: a data file or hub id. name: which grader of a plan. columns: role → column.

    human: the column of people's scores. most_rows: for an audit.
    """

    grader: Path
    rows: str
    name: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    against: Path | None = None
    human: str | None = None
    most_rows: int | None = None


def run_file(request: Request, progress: Progress) -> tuple[list[RowGrade], Summary]:
    """Grades what a model wrote. Raises UserError for whatever the user can mend."""
    named = load_grader(request.grader, request.name)
    spec, where = _reading(request, named)
    outputs = load_outputs(request.rows, spec, Path.cwd(), where)
    return grade_rows(_fitted(named, outputs.rows), outputs, progress)


def validate_file(request: Request) -> Validation:
    """Whether the grader loads; what rows lack, where there are any."""
    named = load_grader(request.grader, request.name)
    if not request.rows:
        return Validation(named.grader)
    spec, where = _reading(request, named)
    rows, _ = load_audited(request.rows, spec, Path.cwd(), where)
    grader = _fitted(named, rows)
    failures = tuple(contract_failures(grader, rows.rows))
    return Validation(grader, len(rows.rows), tuple(lacks(grader, rows.rows)), failures)


def audit_file(request: Request, progress: Progress) -> Audit:
    """How often the grader is wrong on these rows, and how it agrees with a second one or with people."""
    named = load_grader(request.grader, request.name)
    other = load_grader(request.against) if request.against else None
    spec, where = _reading(request, named)
    rows, outputs = load_audited(request.rows, spec, Path.cwd(), where)
    texts = list(outputs) if outputs else tried_texts(rows.rows) if other else []
    raters: dict[str, Sequence[Scored]] = {}
    if request.human and outputs:
        raters[f"column {request.human}"] = human_scores(outputs.scores, request.human, request.rows)
    if other:
        raters[other.name] = scored(other.grader, grade_outputs(_fitted(other, rows), texts))
    grader = _fitted(named, rows)
    return compared(audit(grader, rows.rows, request.most_rows, progress), grader, texts, raters)


def _reading(request: Request, named: NamedGrader) -> tuple[DataSpec, Where]:
    """`completion` may be named for what a model wrote, so that it is kept apart from the roles."""
    spec = named.data or DataSpec(train=request.rows)
    told = {role: column for role, column in request.columns.items() if role != "completion"}
    spec = spec.model_copy(update={"train": request.rows, "columns": {**spec.columns, **told}})
    return spec, Where(request.columns.get("completion"), request.human)


def _fitted(named: NamedGrader, rows: Rows) -> Grader:
    return named.grader if named.data else named.grader.fitted([row.expected for row in rows.rows])
