"""What may be wrong with the data. Each check is one function, Rows → list[Finding], and one name in CHECKS."""

from collections.abc import Callable

from pipelines.data.checks.answers import (
    contradictions,
    missing_words,
    mixed_numbers,
    no_answer,
    rare_labels,
    same_completion,
    same_ending,
    some_demonstrations,
    steps_in_some,
)
from pipelines.data.checks.leaks import leaked_answers, leaked_prompts
from pipelines.data.checks.pairs import different_prompts, equal_pairs, missing_sides, nearly_equal_pairs, undecided
from pipelines.data.checks.texts import damaged_text, duplicate_rows, empty_prompts, long_rows
from pipelines.data.checks.turns import last_turn_not_user, system_not_first, tool_calls, unknown_roles
from pipelines.data.rows import Finding, Rows, Split

CHECKS: tuple[Callable[[Rows], list[Finding]], ...] = (
    empty_prompts,
    no_answer,
    some_demonstrations,
    steps_in_some,
    last_turn_not_user,
    unknown_roles,
    system_not_first,
    missing_sides,
    undecided,
    different_prompts,
    equal_pairs,
    nearly_equal_pairs,
    duplicate_rows,
    contradictions,
    rare_labels,
    same_completion,
    same_ending,
    missing_words,
    mixed_numbers,
    damaged_text,
    long_rows,
    tool_calls,
)
ERRORS: tuple[Callable[[Rows], list[Finding]], ...] = (
    empty_prompts,
    last_turn_not_user,
    unknown_roles,
    system_not_first,
    equal_pairs,
    same_completion,
)
"""Those that find errors: what every stage looks at before it starts, in a tenth of the time of all."""
SPLIT_CHECKS: tuple[Callable[[Split], list[Finding]], ...] = (leaked_prompts, leaked_answers)

_ORDER = {"error": 0, "warning": 1, "note": 2}


def check_rows(rows: Rows) -> list[Finding]:
    """All findings of CHECKS, errors first."""
    return sorted((found for check in CHECKS for found in check(rows)), key=lambda found: _ORDER[found.severity])


def errors_in(rows: Rows) -> list[Finding]:
    """The findings of severity error."""
    return [found for check in ERRORS for found in check(rows) if found.severity == "error"]


def check_split(split: Split) -> list[Finding]:
    """All findings of SPLIT_CHECKS, errors first."""
    return sorted((found for check in SPLIT_CHECKS for found in check(split)), key=lambda found: _ORDER[found.severity])
