"""Checks of conversations."""

from pipelines.data.checks.found import found
from pipelines.data.rows import Finding, Rows
from pipelines.data.table import listed

_KNOWN = {"system", "user", "assistant", "tool"}


def last_turn_not_user(rows: Rows) -> list[Finding]:
    """A prompt ends with the user's turn, or with a tool's result."""
    other = [row for row in rows.rows if row.messages and row.messages[-1]["role"] not in ("user", "tool")]
    message = "{n} rows have a prompt that does not end with the user's turn"
    return found("last_turn_not_user", "error", other, message, "remove turns without a question, or mend the roles")


def unknown_roles(rows: Rows) -> list[Finding]:
    """Roles that no chat template knows."""
    other = [row for row in rows.rows if any(turn["role"] not in _KNOWN for turn in row.messages)]
    names = sorted({str(turn["role"]) for row in other for turn in row.messages} - _KNOWN)
    message = f"{{n}} rows have turns of unknown roles: {listed(names, 5)}"
    return found("unknown_roles", "error", other, message, f"name them {listed(sorted(_KNOWN))}")


def system_not_first(rows: Rows) -> list[Finding]:
    """Most chat templates refuse a system turn in a later place, or write it first."""
    late = [row for row in rows.rows if any(turn["role"] == "system" for turn in row.messages[1:])]
    message = "{n} rows have a system turn that is not the first turn"
    return found("system_not_first", "error", late, message, "put it first")


def tool_calls(rows: Rows) -> list[Finding]:
    """Tools are trained by SFT alone in this version."""
    used = [
        row for row in rows.rows if row.tools or row.tool_calls or any(turn.get("tool_calls") for turn in row.messages)
    ]
    return found("tool_calls", "note", used, "{n} rows have tools: SFT can train them, RL cannot")
