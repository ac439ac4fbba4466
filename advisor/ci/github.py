"""Annotations and the step summary of GitHub Actions, where it runs us.

In: the environment, what happened. Workflow commands and GITHUB_STEP_SUMMARY as in GitHub's documentation of workflow
commands; a step's summary may have 1 MiB.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.gate_file import kept
from pipelines.state import Step

MOST_BYTES = 1_000_000


def at_work(environment: Mapping[str, str]) -> bool:
    """Whether this is a job of GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


def annotations(todo: Sequence[Step], error: str | None) -> list[str]:
    """A line for each shut gate, each alarm, and the error."""
    lines = []
    for step in todo:
        record, name = step.record(), step.stage.name
        judged = kept(step) if record else None
        if judged is not None and judged.refusal is not None:
            level = "warning" if judged.allowed else "error"
            lines.append(_command(level, f"gate of {name}", judged.refusal))
        for alarm in record.numbers.get("alarms", []) if record else []:
            lines.append(_command("warning", f"alarm {alarm['name']} in {name}", str(alarm["text"])))
    return [*lines, *([_command("error", "finetune-advisor", error)] if error else [])]


def add_summary(environment: Mapping[str, str], report: Path) -> bool:
    """Appends the report to the step's summary; False where there is none of either."""
    target = environment.get("GITHUB_STEP_SUMMARY")
    if not target or not report.exists():
        return False
    text = report.read_text(encoding="utf-8").encode()[:MOST_BYTES].decode(errors="ignore")
    with Path(target).open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    return True


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_escaped(title, ',:')}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    """Percent-encoded as the runner decodes it; a property also loses its own separators."""
    for letter in "%\r\n" + more:
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text
