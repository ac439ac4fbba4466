"""The data of a plan, refused where a check finds an error: what every stage calls."""

from pathlib import Path

from graders.errors import UserError
from pipelines.data.checks import check_rows
from pipelines.data.rows import Finding, Split
from pipelines.data.spec import DataSpec
from pipelines.data.split import load_split
from pipelines.data.table import listed


def load_checked(spec: DataSpec, base: Path) -> Split:
    """Loads and splits; raises UserError that lists every finding of severity error with its rows."""
    split = load_split(spec, base)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    faults = [
        f"{name}: {_told(finding)}"
        for name, rows in parts.items()
        if rows.rows
        for finding in check_rows(rows)
        if finding.severity == "error"
    ]
    if faults:
        raise UserError("\n".join(["the data has errors:", *faults]), "rows that can be trained on", where=spec.train)
    return split


def _told(finding: Finding) -> str:
    return f"{finding.message} (rows {listed(finding.rows)}){'; ' + finding.fix if finding.fix else ''}"
