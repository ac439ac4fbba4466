"""One POST that is tried again while there is hope: bounded in tries, seconds and bytes.

In: a URL, headers, a JSON body. Out: the server's answer (any status), or why there is none. Tried again: no
connection, a timeout, 408, 425, 429 and 5xx, after a wait that doubles from half a second up to 30, with jitter, or
after what Retry-After says. An account without credit also answers 429; waiting does not help it.
"""

import asyncio
import contextlib
import datetime
import email.utils
import functools
import json
import random
import ssl
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from graders.texts import short

MAX_ANSWER_BYTES = 16_000_000
FIRST_WAIT_SECONDS = 0.5
_MAX_WAIT_SECONDS = 30.0
_AGAIN = {408, 425, 429}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one answer may take: tries, seconds for each, and seconds for all with the waits between them."""

    tries: int
    try_seconds: float
    total_seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. again: whether another try may help; wait: what Retry-After asked for, in seconds."""

    status: int
    text: str
    again: bool = False
    wait: float | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end from ordinary code, also where a loop already runs, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def client() -> httpx.AsyncClient:
    """A client without its own limits: tries and seconds are counted here. Redirects are answers, not followed."""
    return httpx.AsyncClient(verify=_certificates(), timeout=None, limits=httpx.Limits(max_connections=None))


@functools.cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


async def post(
    session: httpx.AsyncClient, url: str, headers: Mapping[str, str], body: bytes, patience: Patience
) -> Answer:
    """The answer of the last try. Status 0: there was none; its text says why."""
    clock = asyncio.get_running_loop()
    end = clock.time() + patience.total_seconds
    wait = FIRST_WAIT_SECONDS
    for tried in range(1, patience.tries + 1):
        seconds = min(patience.try_seconds, end - clock.time())
        answer = await _try(session, url, headers, body, seconds)
        pause = wait * random.uniform(0.5, 1) if answer.wait is None else answer.wait
        if not answer.again or tried == patience.tries or clock.time() + pause >= end:
            break
        await asyncio.sleep(pause)
        wait = min(2 * wait, _MAX_WAIT_SECONDS)
    return answer


async def _try(session: httpx.AsyncClient, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
    received = bytearray()
    try:
        async with asyncio.timeout(seconds), session.stream("POST", url, headers=headers, content=body) as response:
            async for piece in response.aiter_bytes():
                received += piece
                if len(received) > MAX_ANSWER_BYTES:
                    return Answer(0, f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    except TimeoutError:
        return Answer(0, f"no answer in {seconds:.0f} seconds", again=True)
    except httpx.TransportError as error:
        return Answer(0, f"{type(error).__name__}: {error}", again=True)
    except httpx.HTTPError as error:  # such as a body whose compression is broken
        return Answer(0, f"{type(error).__name__}: {error}")
    text = received.decode("utf-8", "replace")
    status = response.status_code
    again = (status in _AGAIN or status >= 500) and "insufficient_quota" not in text
    return Answer(status, text, again, _retry_after(response.headers.get("retry-after")))


def _retry_after(value: str | None) -> float | None:
    """Seconds from now; the header holds seconds or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        then = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=datetime.UTC)
    return max(0.0, (then - datetime.datetime.now(datetime.UTC)).total_seconds())


def said(answer: Answer) -> str:
    """What a failed answer says, for a reason: its status and the message in it, in one line."""
    message: object = answer.text
    with contextlib.suppress(ValueError, RecursionError):
        message = json.loads(answer.text)
    for key in ("error", "message", "detail"):
        if isinstance(message, Mapping) and key in message:
            message = message[key]
    return f"HTTP {answer.status}: {short(message, 300)}" if answer.status else short(answer.text, 300).strip("'\"")
