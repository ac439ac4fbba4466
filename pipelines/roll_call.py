"""What machines that share a run folder tell each other: a file of each, written anew every second while it lives.

{"token": of this call, "beat": counts up, "heard": rank → the token that was read of it, and what it has to say}
Two machines hear each other when each has the other's token, so what an earlier run left in the folder is not heeded.
Clocks of different machines are never compared.
"""

import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from pipelines.files import write_json

BEAT_SECONDS = 1.0
LOST_SECONDS = 120.0
"""A machine whose file stands still for so long is gone; a shared file system may show it a minute late."""


class RollCall:
    """While open, this machine's file is kept fresh. folder: the run's."""

    def __init__(self, folder: Path, rank: int) -> None:
        self._folder, self._rank = folder / "machines", rank
        self._said: dict[str, Any] = {"token": secrets.token_hex(8), "beat": 0, "heard": {}}
        self._lock, self._closed = Lock(), Event()
        self._fresh: dict[int, tuple[Any, float]] = {}  # rank → its newest beat, and when it was first read
        self._thread = Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "RollCall":
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def say(self, key: str, value: Any) -> None:
        """Tells the others; at once."""
        with self._lock:
            self._said[key] = value
        self._write()

    def hear(self, rank: int) -> Mapping[str, Any] | None:
        """What another machine says now; None until the two hear each other."""
        said = self._read(rank)
        if said is None:
            return None
        if self._said["heard"].get(str(rank)) != said["token"]:
            self.say("heard", {**self._said["heard"], str(rank): said["token"]})
        mark = (said["token"], said["beat"])
        if rank not in self._fresh or self._fresh[rank][0] != mark:
            self._fresh[rank] = (mark, time.monotonic())
        return said if said["heard"].get(str(self._rank)) == self._said["token"] else None

    def lost(self, rank: int) -> bool:
        """Whether a machine that was heard is silent now."""
        return rank in self._fresh and time.monotonic() - self._fresh[rank][1] > LOST_SECONDS

    def _read(self, rank: int) -> Mapping[str, Any] | None:
        try:
            said: Mapping[str, Any] = json.loads((self._folder / f"{rank}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return said

    def _beat(self) -> None:
        while not self._closed.wait(BEAT_SECONDS):
            self._write()

    def _write(self) -> None:
        with self._lock:
            self._said["beat"] += 1
            write_json(self._folder / f"{self._rank}.json", self._said)
