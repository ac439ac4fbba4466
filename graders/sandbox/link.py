"""Messages of JSON between two processes that do not trust each other, over a pair of connected sockets."""

import contextlib
import json
import os
import select
import struct
import time
from collections.abc import Iterator
from typing import Any

_MAX_BYTES = 16 << 20


class LinkClosed(BaseException):
    """The other process is gone. Like Timeout no Exception, so that no `except Exception` of a test takes it."""


class LinkTimeout(BaseException):
    """The time of the whole run is over."""


class Unreadable(Exception):
    """The other process sent what is no message, or a value was too large or too deep to send."""


class Link:
    """One end, of a descriptor. deadline: of `time.monotonic()`, or None to wait as long as it takes."""

    def __init__(self, end: int, deadline: float | None = None) -> None:
        self._end = end
        self._deadline = deadline
        self._lost = False  # what follows a message that was too large to read has no beginning
        if deadline is not None:
            os.set_blocking(end, False)

    def send(self, message: Any) -> None:
        """Raises Unreadable where the value is too large or too deep, LinkClosed, LinkTimeout."""
        try:
            payload = json.dumps(message).encode("ascii")
        except (RecursionError, ValueError, TypeError) as error:
            raise Unreadable(f"the value cannot be sent: {error}") from None
        if len(payload) > _MAX_BYTES:
            raise Unreadable(f"the value is larger than {_MAX_BYTES >> 20} MiB")
        payload = struct.pack("<I", len(payload)) + payload
        while payload:
            with self._ready(select.POLLOUT):
                payload = payload[os.write(self._end, payload) :]

    def receive(self) -> Any:
        """Raises Unreadable, LinkClosed, LinkTimeout."""
        (length,) = struct.unpack("<I", self._exactly(4))
        if length > _MAX_BYTES:
            self._lost = True
            raise Unreadable(f"the answer is larger than {_MAX_BYTES >> 20} MiB")
        payload = self._exactly(length)
        try:
            return json.loads(payload)
        except (RecursionError, ValueError) as error:
            raise Unreadable(f"the message cannot be read: {error}") from None

    def _exactly(self, length: int) -> bytes:
        parts: list[bytes] = []
        while length:
            part = None
            with self._ready(select.POLLIN):
                part = os.read(self._end, min(length, 1 << 20))
            if part is not None:
                if not part:
                    raise LinkClosed
                parts.append(part)
                length -= len(part)
        return b"".join(parts)

    @contextlib.contextmanager
    def _ready(self, event: int) -> Iterator[None]:
        """Waits until the end can be read or written; a false alarm ends the block early."""
        if self._lost:
            raise LinkClosed
        if self._deadline is not None:
            poll = select.poll()
            poll.register(self._end, event)
            if not poll.poll(max(0.0, 1000 * (self._deadline - time.monotonic()))):
                raise LinkTimeout
        try:
            yield
        except BlockingIOError:
            return
        except OSError:
            raise LinkClosed from None
