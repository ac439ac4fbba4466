"""Plan → what its model does now: the probe as a plan of one stage of its own, so that it is kept and gone on with.

It runs in a child process. What was measured with the same model, rows, grader and settings is read from its record;
what was stopped goes on. Test rows are never asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.launcher import DONE, Watcher
from pipelines.plan_file import LoadedPlan
from pipelines.probe_kept import as_plan, written_probe
from pipelines.probe_result import Probed
from pipelines.runner import Options, run_plan
from pipelines.state import Record, Step
from pipelines.work_file import finished_record


@dataclass(frozen=True, slots=True)
class Outcome:
    """code: 0, or 75 and 130 where it was stopped; then there is no `found`. kept: it had been measured before.

    folder: where every answer stands with its grade.
    """

    code: int
    found: Probed | None
    folder: Path
    kept: bool


def probe(loaded: LoadedPlan, watcher: Watcher, rows: int | None = None, samples: int | None = None) -> Outcome:
    """Measures the plan's own model by its metric, on validation rows; see pipelines/probe.py.

    rows, samples: at most so many rows and answers to each; else as the plan's probe stage says, or its defaults.
    Raises UserError where nothing can be measured.
    """
    fields = ({"rows": rows} if rows else {}) | ({"samples_per_prompt": samples} if samples else {})
    asked, run_folder, step = as_plan(loaded, written_probe(loaded.plan), **fields)
    kept = step.record() is not None
    code = run_plan(asked, run_folder, Options(), watcher)
    found = Probed.of(finished_record(step).numbers) if code == DONE else None
    return Outcome(code, found, step.folder, kept)


class Silent:
    """A Watcher that shows nothing."""

    def skipped(self, step: Step, record: Record) -> None: ...
    def started(self, step: Step, why: str) -> None: ...
    def event(self, step: Step, event: Mapping[str, Any]) -> None: ...
    def finished(self, step: Step, record: Record) -> None: ...
    def gate_closed(self, step: Step, why: str) -> None: ...
    def gate_allowed(self, step: Step, why: str) -> None: ...
    def waits(self, step: Step, why: str) -> None: ...
