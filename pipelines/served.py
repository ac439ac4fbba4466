"""Completions from a server with OpenAI's /chat/completions (`vllm serve`, `transformers serve`, a provider).

In: prompts as chat turns. Out: completions, as `pipelines/sampling.py` gives them. Every answer has its own seed, so
the same call gets the same answers where the server keeps to seeds. What its model's own config would change (top_p,
top_k, a repetition penalty) is undone where the server takes that. Answers are kept as they come: when the server dies
midway, or a signal comes, the same call made again asks for the others alone.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from graders.errors import UserError
from graders.llm.chat import PLAIN, NoReply, Question, Reply
from graders.llm.server import Connection
from pipelines.answer_log import AnswerLog
from pipelines.data.rows import Message
from pipelines.files import digest_text
from pipelines.job import Progress, Stopped
from pipelines.sampling import Completion, Sampling, split_reasoning
from pipelines.served_spec import Served

T = TypeVar("T")
Place = tuple[int, int]
"""A prompt's place and the number of its sample."""


def sample_served(
    served: Served,
    prompts: Sequence[Sequence[Message]],
    settings: Sampling,
    template_args: Mapping[str, object],
    progress: Progress,
    kept: Path | None = None,
) -> list[list[Completion]]:
    """Answers every prompt `num_samples` times; the result is in the prompts' order.

    kept: a file that answers are appended to, and read from when the same call is made again. Raises UserError when the
    server did not answer them all, Stopped when a signal came.
    """
    connection = served.server().connection()
    call = (connection.base_url, served.model, settings, [list(map(dict, prompt)) for prompt in prompts], template_args)
    log = AnswerLog(kept, digest_text(repr(call)))
    places = [(place, number) for place in range(len(prompts)) for number in range(settings.num_samples)]
    missing = {place: _question(prompts[place[0]], settings, place, template_args) for place in places}
    missing = {place: question for place, question in missing.items() if place not in log.answers}
    silent = _until_stopped(_ask(served, connection, missing, log, progress), progress) if missing else {}
    if silent:
        raise _unanswered(connection, silent, len(log.answers), len(places))
    numbers = range(settings.num_samples)
    answers = [[_completion(Reply(**log.answers[place, n])) for n in numbers] for place in range(len(prompts))]
    _tell(served, settings, answers, progress)
    return answers


def _question(
    prompt: Sequence[Message], settings: Sampling, place: Place, template_args: Mapping[str, object]
) -> Question:
    if any(set(turn) - {"role", "content"} or not isinstance(turn["content"], str) for turn in prompt):
        happened = f"prompt {place[0] + 1} holds more than text"
        raise UserError(happened, "turns of text, which any server takes", "take such rows out, or use a local model")
    turns = tuple((turn["role"], turn["content"]) for turn in prompt)
    drawn = (settings.seed, (settings.place(place[0]), place[1]))
    seed = int(hashlib.sha256(repr(drawn).encode()).hexdigest()[:7], 16)
    asked = {"temperature": settings.temperature, "seed": seed, "max_completion_tokens": settings.max_new_tokens}
    asked |= {"top_p": 1.0, "top_k": -1} if settings.temperature else {}
    asked |= {"repetition_penalty": 1.0}
    told = {"chat_template_kwargs": dict(template_args)} if template_args else {}
    return Question(turns, PLAIN, {**asked, **told})


async def _ask(
    served: Served, connection: Connection, missing: Mapping[Place, Question], log: AnswerLog, progress: Progress
) -> dict[Place, str]:
    """Adds the answers to the log as they come; returns why the others did not."""
    from graders.llm.remote import ask_batch

    places = {f"{place} {number}": (place, number) for place, number in missing}
    total = len(log.answers) + len(missing)

    def keep(key: str, reply: Reply) -> None:
        log.add({places[key]: asdict(reply)})
        progress.step(len(log.answers), total, "answers")

    questions = {key: missing[place] for key, place in places.items()}
    replies = await ask_batch(served.model, served.server(), connection, questions, keep)
    return {places[key]: reply.why for key, reply in replies.items() if isinstance(reply, NoReply)}


def _until_stopped(work: Coroutine[Any, Any, T], progress: Progress) -> T:
    """Runs it to its end, or to a tenth of a second after a signal came: then raises Stopped."""

    async def watched() -> T:
        task = asyncio.create_task(work)
        while not task.done():
            await asyncio.wait([task], timeout=0.1)
            if progress.stop_requested and not task.done():
                task.cancel()
                await asyncio.wait([task])
                raise Stopped
        return task.result()

    return asyncio.run(watched())


def _unanswered(connection: Connection, silent: Mapping[Place, str], answered: int, asked: int) -> UserError:
    (place, _), why = next(iter(silent.items()))
    kept = f": the {answered} are kept, and the others alone are asked for" if answered else ""
    return UserError(
        f"the server gave {answered} of {asked} answers; to prompt {place + 1}: {why}",
        "a server that answers all of them",
        f"see to the server (or the address) and run again{kept}",
        connection.base_url,
    )


def _completion(reply: Reply) -> Completion:
    """A refusal is the model's answer like any other."""
    reasoning, answer = split_reasoning(reply.text or reply.refusal or "")
    return Completion(answer, reply.reasoning.strip() or reasoning, reply.num_tokens, reply.cut)


def asked_without(served: Served) -> str | None:
    """A sentence on the settings that the server did not take, so far; None where it took all."""
    from graders.llm.remote import not_taken

    lacking = not_taken(served.server().connection(), served.model)
    return f"the server of {served.model} does not take {', '.join(lacking)}: it was asked without" if lacking else None


def _tell(served: Served, settings: Sampling, answers: list[list[Completion]], progress: Progress) -> None:
    """What makes the answers less than what was asked for."""
    if lacking := asked_without(served):
        progress.say(lacking)
    several = [{one.text for one in some} for some in answers if len(some) > 1]
    if settings.temperature and several and all(len(texts) == 1 for texts in several):
        progress.say(
            f"all {settings.num_samples} answers to each of {len(several)} prompts are the same: perhaps the server "
            "does not sample (transformers serve does where the model's generation_config.json has do_sample: true)"
        )
