"""Starts a process in a group of its own, asks it to stop when a signal comes, and waits for its end."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipelines.signals import Signals

GRACE_SECONDS = 120.0
"""How long a worker that was asked to stop may take to save its checkpoint."""


class WorkerProcess:
    """inherits: open descriptors that the process gets. Its output is added to the log."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, inherits: Sequence[int] = ()
    ) -> None:
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                pass_fds=inherits,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, signals: Signals, beat: Callable[[], None]) -> int:
        """Returns the exit code. Calls `beat` ten times a second; where that raises, the process may save a checkpoint
        first. The first signal asks it to stop, the second, or the end of GRACE_SECONDS, kills it."""
        try:
            return self._wait(signals, beat)
        except BaseException:
            self._end()
            raise

    def _wait(self, signals: Signals, beat: Callable[[], None]) -> int:
        asked, deadline = 0, float("inf")
        while self._process.poll() is None:
            if len(signals.received) > asked:
                asked = len(signals.received)
                self._signal_group(signal.SIGTERM if asked == 1 else signal.SIGKILL)
                deadline = time.monotonic() + GRACE_SECONDS
            if time.monotonic() > deadline:
                self._signal_group(signal.SIGKILL)
            beat()
            time.sleep(0.1)
        beat()
        return self._process.returncode

    def _end(self) -> None:
        self._signal_group(signal.SIGTERM)
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal_group(signal.SIGKILL)
            self._process.wait()

    def _signal_group(self, sig: int) -> None:
        try:
            os.killpg(self._process.pid, sig)
        except ProcessLookupError:
            return
