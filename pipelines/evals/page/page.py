"""A run's report, curves and answers → report.html. Pure but for reading the template beside it.

Model output and file contents are escaped by jinja2; the page loads nothing and runs one short script, its filter.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.evals.page.curves import Trained
from pipelines.evals.page.transcripts import cut, slices, transcripts
from pipelines.evals.summary import Evaluated, Report, line_to_final
from pipelines.evals.verdict import duration, method_name, percent, points

KINDS = {
    "odd": "worth a look",
    "lost": "lost",
    "won": "won",
    "wrong": "still wrong",
    "right": "right before and after",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """One stage on the line: what it is, whether it is done, what came of it, how long it took."""

    name: str
    kind: str
    state: str
    told: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """What the page tells beside the report. decision: the plan's record, or None. made: names and values of what a
    person needs to make it again: versions, hashes."""

    decision: Mapping[str, Any] | None
    line: Sequence[Stop]
    trained: Sequence[Trained]
    made: Sequence[tuple[str, str]]


def page(report: Report, models: Sequence[Evaluated], run: Run) -> str:
    """The whole file."""
    folder = Path(__file__).parent
    loader = FileSystemLoader(folder)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"percent": percent, "points": points, "method": method_name}
    environment.filters |= {"cut": cut, "duration": duration}
    line = line_to_final(models)
    base, final = line[0], line[-1]
    shown = transcripts(base.rows, final.rows)  # of a single model both sides are the same
    reasons = Counter(row.reason for row in final.rows if not row.passed).most_common(6)
    return environment.get_template("page.html").render(
        report=report,
        run=run,
        kinds={kind: name for kind, name in KINDS.items() if any(kind in one.kinds for one in shown)},
        transcripts=shown,
        slices=slices(base.rows, final.rows) if final is not base else [],
        reasons=reasons,
        names=(base.name, final.name),
        ks=sorted({k for stage in report.stages for k in stage.pass_at_k}),
    )
