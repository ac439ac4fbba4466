"""What somebody asks of a run by a signal, noted."""

import signal
import time


class Signals:
    """While open, Ctrl-C, SIGTERM and a closed terminal are noted instead of raised, so that the worker can be asked
    to stop. What comes within a second is one wish: `timeout`, shells and supervisors often signal twice."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self._last = float("-inf")

    def __enter__(self) -> "Signals":
        heeded = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # which is what nohup asks for
            heeded.append(signal.SIGHUP)
        self._before = {sig: signal.signal(sig, self._note) for sig in heeded}
        return self

    def __exit__(self, *_: object) -> None:
        for sig, handler in self._before.items():
            signal.signal(sig, handler)

    def _note(self, sig: int, _frame: object) -> None:
        now = time.monotonic()
        if now - self._last > 1:
            self.received.append(sig)
        self._last = now
