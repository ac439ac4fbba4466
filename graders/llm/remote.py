"""Questions → answers of a server that speaks OpenAI's chat completions; many at once, within a limit.

A server that does not take a setting of ours (`response_format`, `seed`, ...) is asked again without it, and so from
then on; the form then stands in the last message. Where the server fails five times in a row, or refuses the key, or
does not know the model, the rest of the batch is not asked (see streak.py).
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from graders.llm.chat import NoReply, Question, Reply, in_words
from graders.llm.posting import Answer, Patience, client, post, said
from graders.llm.server import Connection, Server
from graders.llm.streak import Streak, in_batch

_TRIES = 8
_HOPELESS = {401, 403, 404}
_log = logging.getLogger(__name__)
# A setting → how a server's complaint about it is known, and what to send instead.
_OPTIONAL: dict[str, tuple[str, str | None]] = {
    "response_format": (r"response_format|json_schema|structured.output", None),
    "max_completion_tokens": (r"\bmax_completion_tokens\b", "max_tokens"),
    "seed": (r"\bseed\b", None),
    "temperature": (r"\btemperature\b", None),
    "top_p": (r"\btop_p\b", None),
    "top_k": (r"\btop_k\b", None),
    "repetition_penalty": (r"\brepetition_penalty\b", None),
    "chat_template_kwargs": (r"\bchat_template_kwargs\b", None),
}


@dataclass(slots=True)
class _Habits:
    """What this process has learnt of one server and model."""

    left_out: set[str] = field(default_factory=set)
    streak: Streak = field(default_factory=Streak)


_habits: dict[tuple[str, str], _Habits] = {}


def not_taken(connection: Connection, model: str) -> list[str]:
    """The settings that this server was found not to take for the model, so far."""
    return sorted(_habits.setdefault((connection.base_url, model), _Habits()).left_out)


async def ask_batch(
    model: str,
    server: Server,
    connection: Connection,
    questions: Mapping[str, Question],
    keep: Callable[[str, Reply], None],
) -> dict[str, Reply | NoReply]:
    """The answers by the questions' keys; `keep` gets each as it comes."""
    habits = _habits.setdefault((connection.base_url, model), _Habits())
    async with client() as session:
        asker = _Asker(session, model, server, connection, habits)

        async def one(key: str, question: Question) -> Reply | NoReply:
            reply = await asker.ask(question)
            if isinstance(reply, Reply):
                keep(key, reply)
            return reply

        calls = [partial(one, key, question) for key, question in questions.items()]
        replies = await in_batch(calls, server.concurrency, habits.streak)
    return {key: reply or NoReply(habits.streak.why_not_asked()) for key, reply in zip(questions, replies, strict=True)}


@dataclass(frozen=True, slots=True)
class _Asker:
    session: httpx.AsyncClient
    model: str
    server: Server
    connection: Connection
    habits: _Habits

    async def ask(self, question: Question) -> Reply | NoReply:
        left_out = set(self.habits.left_out)
        answer = await self._post(question, left_out)
        first = answer
        while answer.status in (400, 422) and (refused := _refused_setting(answer, self._body(question, left_out))):
            left_out.add(refused)
            answer = await self._post(question, left_out)
        if answer.ok:
            self._learn(left_out)
        else:
            answer = first if answer.status in (400, 422) else answer
        return self._read(answer)

    async def _post(self, question: Question, left_out: set[str]) -> Answer:
        patience = Patience(_TRIES, self.server.timeout_seconds, self.server.give_up_seconds)
        body = json.dumps(self._body(question, left_out)).encode()
        url = f"{self.connection.base_url}/chat/completions"
        answer = await post(self.session, url, self.connection.headers, body, patience)
        return Answer(answer.status, self.connection.secrets.hidden(answer.text))

    def _body(self, question: Question, left_out: set[str]) -> dict[str, Any]:
        turns = in_words(question) if "response_format" in left_out else question.messages
        messages = [{"role": role, "content": text} for role, text in turns]
        body: dict[str, Any] = {"model": self.model, "messages": messages, **question.settings}
        if question.form.schema:
            form = {"name": question.form.name, "strict": True, "schema": question.form.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        for name in left_out & body.keys():
            value, instead = body.pop(name), _OPTIONAL[name][1]
            if instead:
                body[instead] = value
        return body

    def _learn(self, left_out: set[str]) -> None:
        for name in left_out - self.habits.left_out:
            _log.warning("%s does not take `%s`; it is asked without", self.connection.base_url, name)
        self.habits.left_out |= left_out

    def _read(self, answer: Answer) -> Reply | NoReply:
        filtered = answer.status == 400 and "content_filter" in answer.text
        reply = Reply("", refusal=said(answer)) if filtered else _reply(answer.text) if answer.ok else None
        if reply is not None:
            self.habits.streak.succeeded()
            return reply
        why = f"the answer is no chat completion: {said(answer)}" if answer.ok else said(answer)
        if answer.status in _HOPELESS or not 400 <= answer.status < 500 or answer.status == 429:
            self.habits.streak.failed(why, hopeless=answer.status in _HOPELESS)
        return NoReply(why)  # another 4xx refuses this question only, say for its length


def _refused_setting(answer: Answer, body: Mapping[str, Any]) -> str | None:
    complaint = said(answer)
    for name, (words, _) in _OPTIONAL.items():
        if name in body and re.search(words, complaint, re.IGNORECASE):
            return name
    return None


def _reply(text: str) -> Reply | None:
    """The first choice of a chat completion; None where the text is none."""
    try:
        found = json.loads(text)
        choice = found["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        content, refusal = message.get("content"), message.get("refusal")
        reasoning = message.get("reasoning_content") or message.get("reasoning")  # vLLM's names, the older one first
        num_tokens = (found.get("usage") or {}).get("completion_tokens")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if finish == "content_filter":
        refusal = refusal or "a content filter stopped the answer"
    counted = num_tokens if type(num_tokens) is int else 0
    refused = str(refusal) if refusal else None
    return Reply(str(content or ""), finish == "length", refused, str(reasoning or ""), counted)
