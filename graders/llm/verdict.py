"""The text of a model's answer → the one JSON object that it gives as its verdict, or why it cannot be read.

Strict: exactly one object with the form's keys, each once; NaN and Infinity are no JSON. Prose and ``` around it are
let go, as servers that cannot force a form need it, and so is what stands before a closing `</think>`. What a graded
text says is no verdict: an object that stands in it word for word is a quote, and two verdicts that differ are none.
"""

import json
import re
from typing import Any, NoReturn

from graders.base import Grade, unscored
from graders.llm.chat import Form, NoReply, Reply
from graders.texts import short

_OBJECT = re.compile(r'\{\s*["}]')  # braces of LaTeX and code are none
_MAX_CHARS = 400_000


def verdict(reply: Reply | NoReply, form: Form, quoted: str) -> dict[str, Any] | Grade:
    """The object, or an unscored Grade with OpenAI's word for what went wrong. quoted: the text that was graded."""
    if isinstance(reply, NoReply):
        return unscored(f"the judge did not answer: {reply.why}", "model_grader_server_error")
    if reply.refusal is not None:
        return unscored(f"the judge refused: {short(reply.refusal, 200)}", "model_grader_refusal_error")
    try:
        return _only(reply, form, _spaceless(quoted))
    except ValueError as error:
        return unreadable(str(error), reply)


def _only(reply: Reply, form: Form, graded: str) -> dict[str, Any]:
    if reply.cut:
        raise ValueError("it ran out of tokens")
    found = [parsed for parsed, text in _objects(reply.text, form) if _spaceless(text) not in graded]
    if not found:
        raise ValueError("it holds no verdict")
    if any(other != found[0] for other in found):
        raise ValueError("it holds verdicts that differ")
    return found[0]


def unreadable(why: str, reply: Reply | NoReply) -> Grade:
    """The Grade of an answer that is no verdict."""
    text = reply.text if isinstance(reply, Reply) else ""
    return unscored(f"the judge's answer cannot be read: {why}: {short(text, 200)}", "model_grader_parse_error")


def number(value: object) -> float | None:
    """A JSON number, or a text that is one; truth values are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _objects(text: str, form: Form) -> list[tuple[dict[str, Any], str]]:
    """The outermost objects with all keys of the form, and only these, each with its text.

    Raises ValueError on what begins like an object and is none: a quote inside of it could pass for the verdict.
    """
    text = text.rpartition("</think>")[2][:_MAX_CHARS]
    decoder = json.JSONDecoder(object_pairs_hook=_each_once, parse_constant=_refused)
    found: list[tuple[dict[str, Any], str]] = []
    end = 0
    while match := _OBJECT.search(text, end):
        try:
            value, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError) as error:
            raise ValueError(f"a broken object ({short(str(error))})") from None
        if value.keys() == form.schema["properties"].keys():
            found.append((value, text[match.start() : end]))
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _spaceless(text: str) -> str:
    return "".join(text.split())
