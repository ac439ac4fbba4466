"""The rows that a plan would use, and what is measured of them, before anybody is asked."""

from pathlib import Path

from advisor.profile import DataProfile, profile
from advisor.profiling.for_init import closer
from pipelines.data.checked import checked_preferences, load_checked
from pipelines.data.checks import check_rows, check_split
from pipelines.data.load import load_rows
from pipelines.data.rows import Rows
from pipelines.data.spec import DataSpec
from pipelines.data.split import limit_rows


def measure(spec: DataSpec, folder: Path) -> tuple[Rows, DataProfile]:
    """The rows and their profile. Splits them too, and reads a file of preferences: a fault is better found before
    training."""
    rows = read_rows(spec, folder)
    split = load_checked(spec, folder)
    found = check_rows(rows) + check_split(split) + closer(rows)
    preferred = None if spec.preferences is None else checked_preferences(spec, folder).rows
    return rows, profile(rows, found, preferred, split)


def read_rows(spec: DataSpec, folder: Path) -> Rows:
    """The rows of `train`, limited as `spec` says."""
    rows = load_rows(spec.train, spec, folder)
    return rows if spec.limit is None else limit_rows(rows, spec.limit)
