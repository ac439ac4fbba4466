"""The page where people compare completions, and what it calls. Standard library only; bound to 127.0.0.1.

Every address starts with a token, and the Host header must name this machine, so that no page of the web can reach it
(DNS rebinding). Under /TOKEN/: GET the page; GET api/next?annotator=; POST api/answer and api/undo, in JSON.
"""

import hmac
import json
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from graders.errors import UserError
from pipelines.preferences.desk import Before, Desk, Given

PAGE = Path(__file__).with_name("page.html")
LOCAL = ("127.0.0.1", "localhost", "[::1]")
"""Host names of this machine. The port may be another one: `ssh -L` leads from any."""
LARGEST_BODY = 1_000_000
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Body = TypeVar("Body", bound=BaseModel)


class _Next(BaseModel):
    """skipped: questions that the annotator wants to see last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    annotator: Name
    skipped: tuple[str, ...] = ()


class _Answer(_Next):
    key: str = Field(min_length=8, max_length=80)
    question: str
    ranking: tuple[tuple[int, ...], ...]
    both_bad: bool = False
    note: str = Field("", max_length=10_000)


class _Undo(_Next):
    number: int


@dataclass(frozen=True, slots=True)
class About:
    """What the page is told of the run. growing: whether completions are still being written. suggested: the name that
    the page proposes to whoever opens it."""

    plan: str
    stage: str
    suggested: str
    command: str
    growing: Callable[[], bool]


class Server(ThreadingHTTPServer):
    """Answers on 127.0.0.1 until it is shut down; port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, desk: Desk, about: About, token: str, port: int) -> None:
        self.desk, self.about, self.token = desk, about, token
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        path, query = self._path()
        if path == "":
            self._page()
        elif path == "api/next":
            asked = {"annotator": query.get("annotator", [""])[0], "skipped": query.get("skipped", [])}
            self._reply(lambda: self._next(_Next.model_validate(asked)))
        elif path is not None:
            self._send_json(HTTPStatus.NOT_FOUND, {"error": "there is no such address"})

    def do_POST(self) -> None:
        path, _ = self._path()
        body = self._body() if path is not None else None
        if body is None:
            return
        if path == "api/answer":
            self._reply(lambda: self._answer(_Answer.model_validate_json(body)))
        elif path == "api/undo":
            self._reply(lambda: self._undo(_Undo.model_validate_json(body)))
        else:
            self._send_json(HTTPStatus.NOT_FOUND, {"error": "there is no such address"})

    def _path(self) -> tuple[str | None, dict[str, list[str]]]:
        """What follows the token, and the query; None where the request was refused, and answered so."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        split = urlsplit(self.path)
        token, _, rest = split.path.removeprefix("/").partition("/")
        if host not in LOCAL or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self.close_connection = True
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"Open the address that `finetune-advisor label` printed.\n")
            return None, {}
        return rest, parse_qs(split.query)

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._read_away(int(length) if length.isdigit() else 0)
            self._send_json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": f"at most {LARGEST_BODY} bytes"})
            return None
        return self.rfile.read(int(length))

    def _read_away(self, length: int) -> None:
        """What a client still sends when its connection is closed would destroy the answer to it."""
        left = min(length, 20 * LARGEST_BODY)
        while left > 0 and (part := self.rfile.read(min(left, 65_536))):
            left -= len(part)

    def _next(self, asked: _Next) -> dict[str, Any]:
        return self._told(self.server.desk.before(asked.annotator, asked.skipped))

    def _answer(self, told: _Answer) -> dict[str, Any]:
        given = Given(told.key, told.question, told.annotator, told.ranking, told.both_bad, told.note)
        self.server.desk.give(given)
        return self._next(told)

    def _undo(self, told: _Undo) -> dict[str, Any]:
        taken = self.server.desk.undo(told.annotator, told.number)
        first = taken.question if taken else None
        before = self.server.desk.before(told.annotator, told.skipped, first)
        return {**self._told(before), "note": taken.answer.note if taken else ""}

    def _told(self, before: Before) -> dict[str, Any]:
        question = before.question
        turns = [turn.model_dump() for turn in question.messages] if question else []
        shown = {"id": question.id, "messages": turns, "completions": before.completions} if question else None
        counts = {"answered": before.answered, "total": before.total, "pairs": before.pairs, "wanted": before.wanted}
        return {"question": shown, **counts, "undo": before.undo, "growing": self.server.about.growing()}

    def _reply(self, work: Callable[[], dict[str, Any]]) -> None:
        try:
            self._send_json(HTTPStatus.OK, work())
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            told = f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            self._send_json(HTTPStatus.BAD_REQUEST, {"error": told})
        except UserError as error:
            self._send_json(HTTPStatus.CONFLICT, {"error": str(error)})
        except (sqlite3.Error, OSError) as error:
            self._send_json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": f"{error}."})

    def _page(self) -> None:
        about, nonce = self.server.about, secrets.token_urlsafe(16)
        told = {"plan": about.plan, "stage": about.stage, "suggested": about.suggested, "command": about.command}
        text = PAGE.read_text(encoding="utf-8").replace("NONCE", nonce)
        text = text.replace('"ABOUT"', json.dumps(told).replace("<", "\\u003c"))
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'"
        more = {"Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", text.encode(), more)

    def _send_json(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        safe = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **safe, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the terminal shows how far people are."""
