"""Whether preferences are fit to train a reward model or a policy on. Collected → PreferenceAudit. Pure."""

from pipelines.data.checks import check_rows, check_split
from pipelines.evals.audit_record import Verdict
from pipelines.preferences.audit_record import PreferenceAudit
from pipelines.preferences.checks import CHECKS
from pipelines.preferences.collected import Collected
from pipelines.preferences.measures import measure

_ORDER = {"error": 0, "warning": 1, "note": 2}


def audit_preferences(found: Collected) -> PreferenceAudit:
    """Every check: of each row, of the votes and the pairs together, and of the split."""
    measures = measure(found)
    findings = [
        *found.unreadable,
        *check_rows(found.pairs),
        *(finding for check in CHECKS for finding in check(found, measures)),
        *(check_split(found.split) if found.split else ()),
    ]
    findings.sort(key=lambda finding: _ORDER[finding.severity])
    gravest = findings[0].severity if findings else "note"
    verdict: Verdict = "unfit" if gravest == "error" else "fix first" if gravest == "warning" else "fit to train"
    return PreferenceAudit(
        source=found.source,
        layout=found.pairs.layout,
        measures=measures,
        findings=tuple(findings),
        verdict=verdict,
    )
