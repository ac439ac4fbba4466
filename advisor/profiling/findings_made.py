"""How a finding is made: its sentence holds its number and share, its rows are the loader's numbers. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from advisor.profiling.counts import Found
from advisor.profiling.record import ProfileFinding, Scope, Severity


@dataclass(frozen=True, slots=True)
class Head:
    """What a finding is called, how bad it is, and in which rows it was looked for."""

    check: str
    severity: Severity
    scope: Scope


def make_finding(head: Head, found: Found, of: int, what: str, fix: str, numbers: Mapping[int, int]) -> ProfileFinding:
    """`{n}`, `{of}` and `{share}` in `what` are filled in; places without a number are left out."""
    share = found.count / of if of else 0.0
    said = what.replace("{n}", f"{found.count:,}").replace("{of}", f"{of:,}").replace("{share}", percent(share))
    rows = tuple(numbers[place] for place in found.places if place in numbers)
    counted = {"count": found.count, "of": of, "share": share, "rows": rows}
    return ProfileFinding.model_validate({**asdict(head), **counted, "what": said, "fix": fix})


def percent(share: float) -> str:
    """12.3%; a small share is not rounded to nothing."""
    return f"{share:.1%}" if share >= 0.0005 or share == 0 else "under 0.1%"
