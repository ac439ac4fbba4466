"""endpoint: Azure's grader behind HTTP; your own server gives the score.

In: a Sample. POST {"sample": as OpenAI's `sample`, "item": the row, "trace_id"} to `url`. Out: the `score` of the JSON
that comes back, scaled from `range` to [0, 1]. A call that fails is tried again three times and is then unscored, where
Azure discards the rollout; so is an answer without a number. Five failures in a row leave the rest of a batch unasked.
Limits, as Azure has them: 1 MB a request, 10 minutes a sample, 50 requests a second unless `rate_limit` says otherwise.
Header values are read from the environment: `Authorization: Bearer ${NAME}`. The same sample has the same trace_id.
`pass_threshold` is in the endpoint's own units; declare their `range` too. Nothing is cached: the server may change.
Source: github.com/microsoft-foundry/fine-tuning at de257fc4, Demos/Agentic_RFT_PrivatePreview.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import httpx
from pydantic import BeforeValidator, Field, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.llm.posting import Answer, Patience, client, post, run, said
from graders.llm.secret_names import HeaderValues, Secrets, refused
from graders.llm.server import http_url
from graders.llm.streak import Streak, in_batch
from graders.llm.verdict import number
from graders.ranges import UNIT, Range, ranged, threshold_as_pass_at
from graders.template import sample_namespace
from graders.texts import short

_MAX_REQUEST_BYTES = 1_000_000
_TRIES = 4
_AT_ONCE = 64
_SECRET_PARAMETERS = {"code", "key", "apikey", "token", "accesstoken", "sig", "signature", "secret", "password"}


def _url(value: object) -> object:
    address, _, query = value.partition("?") if isinstance(value, str) else (value, "", "")
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if "".join(filter(str.isalpha, name.lower())).removeprefix("subscription") in _SECRET_PARAMETERS:
            raise refused(
                f"the parameter {name} looks like a secret; send it in a header such as X-Key: ${{GRADER_KEY}}"
            )
    http_url(address)
    return value


class Endpoint(Grader):
    """Your own server's score. Azure's `endpoint`."""

    type: Literal["endpoint"] = "endpoint"
    name: str | None = Field(None, description="A name of your choice.")
    url: Annotated[str, BeforeValidator(_url)] = Field(description="Where the grader listens.")
    headers: HeaderValues = Field(
        default_factory=dict, description="Headers of each request; values such as Bearer ${GRADER_TOKEN}."
    )
    rate_limit: float = Field(50.0, gt=0, allow_inf_nan=False, description="Requests a second, at most.")
    range: Range = Field(UNIT, description="Lowest and highest score that the server gives.")
    timeout_seconds: float = Field(600.0, gt=0, allow_inf_nan=False, description="For one sample, all tries together.")

    @model_validator(mode="before")
    @classmethod
    def _threshold(cls, fields: Any) -> Any:
        return threshold_as_pass_at(fields)

    def grade(self, sample: Sample) -> Grade:
        return self.grade_all([sample])[0]

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        """All samples in one batch. Raises UserError where an environment variable of a header is not set."""
        secrets = Secrets(*self.headers.values())
        return run(self._graded(samples, secrets))

    async def _graded(self, samples: Sequence[Sample], secrets: Secrets) -> list[Grade]:
        streak = _streaks.setdefault(self.url, Streak())
        headers = {"Content-Type": "application/json"}
        headers |= {name: secrets.filled(value) for name, value in self.headers.items()}
        pace = _Pace(self.rate_limit)
        async with client() as session:

            async def one(sample: Sample) -> Grade:
                try:
                    body = _request(sample)
                except (TypeError, ValueError, RecursionError) as error:
                    return unscored(f"the row is no JSON: {short(str(error))}", "other_error")
                if len(body) > _MAX_REQUEST_BYTES:
                    return unscored(f"the request has {len(body)} bytes; an endpoint takes 1 MB", "other_error")
                await pace.turn()
                answer = await self._post(session, headers, body)
                return self._read(Answer(answer.status, secrets.hidden(answer.text)), streak)

            grades = await in_batch([partial(one, sample) for sample in samples], _AT_ONCE, streak)
        return [grade or unscored(streak.why_not_asked(), "unresponsive_reward_error") for grade in grades]

    async def _post(self, session: httpx.AsyncClient, headers: Mapping[str, str], body: bytes) -> Answer:
        patience = Patience(_TRIES, self.timeout_seconds, self.timeout_seconds)
        return await post(session, self.url, headers, body, patience)

    def _read(self, answer: Answer, streak: Streak) -> Grade:
        if not answer.ok:
            if not 400 <= answer.status < 500 or answer.status in (401, 403, 404, 429):
                streak.failed(said(answer), hopeless=answer.status in (401, 403, 404))
            return unscored(f"the endpoint did not answer: {said(answer)}", "unresponsive_reward_error")
        streak.succeeded()
        try:
            score = json.loads(answer.text)["score"]
        except (ValueError, RecursionError, LookupError, TypeError):
            return unscored(f'the endpoint answered no {{"score": number}}: {short(answer.text, 200)}', "other_error")
        raw = None if isinstance(score, str) else number(score)
        if raw is None:
            return unscored(f"the endpoint's score is no number: {short(score)}", "other_error")
        grade = ranged(raw, self.range, f"the endpoint gives {raw:g}")
        return grade if grade.score is not None else unscored(grade.reason, "other_error")


_streaks: dict[str, Streak] = {}


class _Pace:
    """Spreads requests over time: at most `rate` begin in a second."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate
        self._next = 0.0

    async def turn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now)
        wait, self._next = self._next - now, self._next + self._gap
        await asyncio.sleep(wait)


def _request(sample: Sample) -> bytes:
    content = {"sample": sample_namespace(sample), "item": dict(sample.row)}
    # What is no JSON (NaN, dates) becomes null or text.
    plain = json.loads(json.dumps(content, default=str), parse_constant=lambda _: None)
    trace = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:24]
    return json.dumps({**plain, "trace_id": f"trace_{trace}"}).encode()
