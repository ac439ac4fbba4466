"""A real HTTP server on 127.0.0.1 whose answers a test scripts: each request's body → what comes back."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Say:
    """A response. drip: seconds between two bytes of the body; before: seconds before anything."""

    body: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0
    before: float = 0.0


def chat(content: str | None, finish: str = "stop", **message: Any) -> Say:
    """A chat completion with this content."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    return Say(json.dumps({"id": "c", "object": "chat.completion", "choices": [choice]}))


@dataclass
class ScriptedServer:
    """The address, and the requests so far: bodies, paths and headers, in order of arrival."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0

    def last_message(self, place: int = -1) -> str:
        return str(self.bodies[place]["messages"][-1]["content"])


@contextmanager
def serve(script: Callable[[dict[str, Any]], Say]) -> Iterator[ScriptedServer]:
    """Serves until the block ends, which also ends responses that hang."""
    state = ScriptedServer("")
    lock, over = threading.Lock(), threading.Event()
    under_way = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal under_way
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                state.bodies.append(body)
                state.paths.append(self.path)
                state.headers.append(dict(self.headers))
                under_way += 1
                state.most_at_once = max(state.most_at_once, under_way)
            say = script(body)
            over.wait(say.before)
            with lock:  # before the answer goes out: the client may ask again as soon as it has it
                under_way -= 1
            # The client may have gone, as it should where it gives up.
            with contextlib.suppress(OSError):
                self._say(say)

        def _say(self, say: Say) -> None:
            data = say.body.encode()
            self.send_response(say.status)
            for name, value in {"Content-Length": str(len(data)), **say.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if not say.drip:
                self.wfile.write(data)
                return
            for place in range(len(data)):
                if over.wait(say.drip):
                    return
                self.wfile.write(data[place : place + 1])

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
