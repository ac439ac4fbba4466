"""What `profile` finds on a sample of rows, as findings that `init` shows beside those of the loader's checks. Pure."""

from collections.abc import Mapping
from typing import Literal

from advisor.profiling.findings_sample import closer_findings
from advisor.profiling.record import Severity
from advisor.profiling.sample import MOST
from pipelines.data.answer_kind import answer_kind, spread
from pipelines.data.rows import Finding, Rows

_SEVERITY: Mapping[Severity, Literal["error", "warning", "note"]] = {
    "blocking": "error",
    "warning": "warning",
    "info": "note",
}


def closer(rows: Rows) -> list[Finding]:
    """Of at most as many rows as `profile` samples, evenly spaced."""
    looked = spread(rows.rows, MOST)
    found = closer_findings(looked, answer_kind(looked).kind)
    return [Finding(one.check, _SEVERITY[one.severity], one.what, one.count, one.rows, one.fix) for one in found]
