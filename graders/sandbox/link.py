"""Messages of JSON between two processes that do not trust each other, over a pair of connected sockets."""

import json
import socket
import struct
import time
from typing import Any

_MAX_BYTES = 16 << 20


class LinkClosed(BaseException):
    """The other process is gone. Like Timeout no Exception, so that no `except Exception` of a test takes it."""


class LinkTimeout(BaseException):
    """The time of the whole run is over."""


class Unreadable(Exception):
    """The other process sent what is no message, or a value was too large or too deep to send."""


class Link:
    """One end. deadline: of `time.monotonic()`, or None to wait as long as it takes."""

    def __init__(self, end: socket.socket, deadline: float | None = None) -> None:
        self._end = end
        self._deadline = deadline
        self._lost = False  # what follows a message that was too large to read has no beginning

    def send(self, message: Any) -> None:
        """Raises Unreadable where the value is too large or too deep, LinkClosed, LinkTimeout."""
        try:
            payload = json.dumps(message).encode("ascii")
        except (RecursionError, ValueError, TypeError) as error:
            raise Unreadable(f"the value cannot be sent: {error}") from None
        if len(payload) > _MAX_BYTES:
            raise Unreadable(f"the value is larger than {_MAX_BYTES >> 20} MiB")
        try:
            self._wait()
            self._end.sendall(struct.pack("<I", len(payload)) + payload)
        except TimeoutError:
            raise LinkTimeout from None
        except OSError:
            raise LinkClosed from None

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
            try:
                self._wait()
                part = self._end.recv(min(length, 1 << 20))
            except TimeoutError:
                raise LinkTimeout from None
            except OSError:
                raise LinkClosed from None
            if not part:
                raise LinkClosed
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _wait(self) -> None:
        if self._lost:
            raise LinkClosed
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise LinkTimeout
            self._end.settimeout(left)
