"""What happens in a run as JSON lines, one event each, written as it happens.

Every line has `time` (seconds since 1970), `event` and `stage`; then what belongs to the event: `why` of started,
gate_closed, gate_allowed and waits; `numbers` and `seconds` of finished and skipped; a stage's own progress as it is
(`say`, or `done`, `total`, `unit`, `shown`). The last line is `ended` with the exit `code`.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, TextIO

from pipelines.launcher import Watcher
from pipelines.state import Record, Step


class Events:
    """A Watcher that writes to an open file and passes everything on to another."""

    def __init__(self, file: TextIO, shown: Watcher) -> None:
        self._file, self._shown = file, shown

    def skipped(self, step: Step, record: Record) -> None:
        self._shown.skipped(step, record)
        self._write("skipped", step, numbers=record.numbers, seconds=record.seconds)

    def started(self, step: Step, why: str) -> None:
        self._shown.started(step, why)
        self._write("started", step, why=why)

    def event(self, step: Step, event: Mapping[str, Any]) -> None:
        self._shown.event(step, event)
        self._write("progress", step, **{key: value for key, value in event.items() if key != "time"})

    def finished(self, step: Step, record: Record) -> None:
        self._shown.finished(step, record)
        self._write("finished", step, numbers=record.numbers, seconds=record.seconds)

    def gate_closed(self, step: Step, why: str) -> None:
        self._shown.gate_closed(step, why)
        self._write("gate_closed", step, why=why)

    def gate_allowed(self, step: Step, why: str) -> None:
        self._shown.gate_allowed(step, why)
        self._write("gate_allowed", step, why=why)

    def waits(self, step: Step, why: str) -> None:
        self._shown.waits(step, why)
        self._write("waits", step, why=why)

    def ended(self, code: int, error: str | None = None) -> None:
        """The run is over; error: the message, where it failed."""
        self._write("ended", None, code=code, **({"error": error} if error else {}))

    def _write(self, event: str, step: Step | None, **more: Any) -> None:  # **: an event's own fields
        line = {"time": round(time.time(), 2), "event": event, "stage": step.stage.name if step else None, **more}
        self._file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        self._file.flush()
