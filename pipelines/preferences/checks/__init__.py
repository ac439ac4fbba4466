"""What may be wrong with preferences, beyond what pipelines/data/checks says of each row.

Each check is one function, (Collected, Measures) → list[Finding], and one name in CHECKS.
"""

from collections.abc import Callable

from pipelines.data.rows import Finding
from pipelines.preferences.audit_record import Measures
from pipelines.preferences.checks.agreement import low_agreement, missing_votes, odd_annotator
from pipelines.preferences.checks.answers import gaps, many_both_bad, many_ties
from pipelines.preferences.checks.bias import length_bias, one_generator, position_bias, surface_bias
from pipelines.preferences.checks.numbers import too_few
from pipelines.preferences.checks.order import circles, disputed, self_contradictions
from pipelines.preferences.collected import Collected

CHECKS: tuple[Callable[[Collected, Measures], list[Finding]], ...] = (
    too_few,
    gaps,
    self_contradictions,
    circles,
    low_agreement,
    odd_annotator,
    missing_votes,
    disputed,
    length_bias,
    surface_bias,
    one_generator,
    position_bias,
    many_ties,
    many_both_bad,
)
