"""Questions to a chat model → its answers, in order: from the cache, from a server, or from a local model.

Equal questions of one batch are asked once. A question whose answer never came is a NoReply that says why; it is not
cached, so the next run asks again.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from graders.llm.cache import AnswerCache, cache_folder
from graders.llm.server import Server

_CACHE_FORMAT = 1
# What chat templates mark turns with. Many servers read these in a message's text as the marks themselves, which would
# let a graded text end its turn and speak as the system.
_TURN_MARKS = re.compile(
    r"<(?=\|[^|<>\s]{1,40}\|?>|[^|<>\s]{1,40}\|>|｜[^｜<>]{1,40}｜>|/?s>|/?(?:bos|eos|pad|start_of_turn|end_of_turn)>|</?SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS)\])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Form:
    """What an answer must look like: a JSON schema with a name, of an object with the properties in this order.

    An empty schema asks for no form.
    """

    name: str
    schema: Mapping[str, Any]


PLAIN = Form("text", {})


@dataclass(frozen=True, slots=True)
class Question:
    """messages: (role, text) in order. settings: temperature, seed, ... by their names in a request."""

    messages: tuple[tuple[str, str], ...]
    form: Form
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered. cut: its tokens ran out. refusal: it, or a filter before it, would not answer.

    reasoning: what the server took out of the text as such. num_tokens: of both; 0 where the server does not say.
    """

    text: str
    cut: bool = False
    refusal: str | None = None
    reasoning: str = ""
    num_tokens: int = 0


@dataclass(frozen=True, slots=True)
class NoReply:
    """There is no answer, and why."""

    why: str


AskMissing = Callable[[Mapping[str, Question], Callable[[str, Reply], None]], dict[str, Reply | NoReply]]


def ask_all(model: str, server: Server, questions: Sequence[Question]) -> list[Reply | NoReply]:
    """The answers, in order. Raises UserError where nothing can be asked: no server named, no key, no such model."""
    place, ask = _local(model, server) if server.local else _remote(model, server)
    safe = [_harmless(question) for question in questions]
    keys = [_key(place, model, question) for question in safe]
    with AnswerCache(cache_folder() if server.cache else None) as cache:
        replies: dict[str, Reply | NoReply] = {}
        for key in dict.fromkeys(keys):
            if kept := _kept(cache.get(key)):
                replies[key] = kept
        missing = {key: question for key, question in zip(keys, safe, strict=True) if key not in replies}
        if missing:
            replies |= ask(missing, lambda key, reply: cache.put(key, json.dumps(asdict(reply))))
    return [replies[key] for key in keys]


def _kept(text: str | None) -> Reply | None:
    try:
        return Reply(**json.loads(text)) if text else None
    except (ValueError, TypeError):  # a file that someone else wrote to
        return None


def _remote(model: str, server: Server) -> tuple[str, AskMissing]:
    from graders.llm.posting import run
    from graders.llm.remote import ask_batch

    connection = server.connection()
    return connection.base_url, lambda missing, keep: run(ask_batch(model, server, connection, missing, keep))


def _local(model: str, server: Server) -> tuple[str, AskMissing]:
    from graders.llm.local import ask_here, identity

    found = server.local_model(model)
    return identity(found), lambda missing, keep: ask_here(found, server, missing, keep)


def _key(place: str, model: str, question: Question) -> str:
    parts = [_CACHE_FORMAT, place, model, question.messages, dict(question.settings), question.form.schema]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _harmless(question: Question) -> Question:
    messages = tuple((role, _plain(text)) for role, text in question.messages)
    return Question(messages, question.form, question.settings)


def _plain(text: str) -> str:
    """Without marks that chat templates read, and without halves of characters, which no server can read."""
    text = text.encode("utf-8", "replace").decode() if not text.isascii() else text
    return _TURN_MARKS.sub(lambda match: match.group() + " ", text)


def in_words(question: Question) -> tuple[tuple[str, str], ...]:
    """The messages with the form as a sentence at their end, for a model whose server cannot force it."""
    if not question.form.schema:
        return question.messages
    form = f"Reply with one JSON object and nothing else. Its JSON schema is: {json.dumps(question.form.schema)}"
    *before, (role, text) = question.messages
    return (*before, (role, f"{text}\n\n{form}"))
