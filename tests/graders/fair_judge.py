"""A judge without a model behind HTTP, for tests: it answers right what the tests ask of it, by comparing texts.

`URL` is its chat endpoint and `GRADE` its grader endpoint; it runs from the first import to the end of the process.
"""

import atexit
import json
import re
from contextlib import ExitStack
from typing import Any

from tests.graders.scripted_server import Say, chat, serve

_BLOCK = re.compile(r"<(\w+) ([0-9a-f]{20})>\n(.*?)\n</\1 \2>", re.DOTALL)
SEPARATOR = "¦"


def blocks(message: str) -> dict[str, str]:
    """The fenced texts of a message by their names."""
    mark = re.search(r"The mark of this case is (\w+)", message)
    assert mark is not None, message
    return {name: text for name, mark_used, text in _BLOCK.findall(message) if mark_used == mark[1]}


def _verdict(body: dict[str, Any]) -> Any:
    message = body["messages"][-1]["content"]
    form = body["response_format"]["json_schema"]["name"]
    if form in ("score", "points", "winner"):
        shown = blocks(message)
    if form == "score":
        return {"reason": "compared", "score": 5 if shown["completion"] == shown["reference"] else 1}
    if form == "points":
        count = len(re.findall(r"(?m)^\d+\. ", body["messages"][0]["content"]))
        met = shown["completion"] == shown["reference"]
        return {"points": [{"point": place, "reason": "compared", "met": met} for place in range(1, count + 1)]}
    if form == "winner":
        longer = len(shown["answer_1"]) - len(shown["answer_2"])
        return {"reason": "the longer", "winner": "1" if longer > 0 else "2" if longer else "tie"}
    _, answer, reference, _ = message.split(SEPARATOR)
    right = answer.strip() == reference.strip()
    steps = [{"description": "compare", "conclusion": "equal" if right else "different"}]
    labels = {"label": "right" if right else "wrong"}
    return {"steps": steps, "result": labels.get(form, float(right))}


def _say(body: dict[str, Any]) -> Say:
    if "trace_id" in body:
        return Say(json.dumps({"score": float(body["sample"]["output_text"] == body["item"]["city"])}))
    return chat(json.dumps(_verdict(body)))


_open = ExitStack()
_server = _open.enter_context(serve(_say))
atexit.register(_open.close)
URL = _server.url
GRADE = URL.replace("/v1", "/grade")
