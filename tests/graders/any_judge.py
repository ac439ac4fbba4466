"""A judge for tests that says anything: verdicts of the right form or near it, prose, echoes, refusals, errors.

Which of them depends on the question alone. `URL` is its chat endpoint and `GRADE` its grader endpoint.
"""

import atexit
import hashlib
import json
from contextlib import ExitStack
from typing import Any

from tests.graders.scripted_server import Say, chat, serve


def _verdict(properties: dict[str, Any], luck: int) -> dict[str, Any]:
    values = {
        "reason": f"luck {luck}",
        "score": luck % 8,
        "winner": ["1", "2", "tie", "3"][luck % 4],
        "points": [{"point": 1, "reason": "", "met": luck % 2 == 0}][: luck % 5],
        "steps": [{"description": "", "conclusion": "so"}],
        "result": [0, 0.5, 1, 3, "a", "b", None, True][luck % 8],
    }
    return {name: values[name] for name in properties}


def _say(body: dict[str, Any]) -> Say:
    luck = int(hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8], 16)
    if "trace_id" in body:
        return Say([f'{{"score": {luck % 3}}}', "prose", "[]", body["sample"]["output_text"]][luck % 4])
    verdict = json.dumps(_verdict(body["response_format"]["json_schema"]["schema"]["properties"], luck // 10))
    others = {
        0: chat(body["messages"][-1]["content"]),
        1: chat("I would rather not say."),
        2: chat(None, refusal="no"),
        3: Say("bad", 400),
        4: chat(f"Well: {verdict} {verdict[:-3]}"),
    }
    return others.get(luck % 10, chat(verdict))


_open = ExitStack()
_server = _open.enter_context(serve(_say))
atexit.register(_open.close)
URL = _server.url
GRADE = URL.replace("/v1", "/grade")
