"""An OpenAI fine-tuning job as JSON → Job: its method, grader, response format and hyperparameters.

In: the body of a request to create a job, a job as the API returns it, its `method` alone, its `reinforcement` part
alone, or a bare grader. Out: a Job; `ignored` names what has no meaning here. UserError says what cannot be read.
Source: OpenAI's openapi.yaml (2026-08), FineTuneReinforcementMethod and its hyperparameters.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from advisor.openai.hyperparameters import Hyperparameters, read_hyperparameters
from graders.errors import UserError
from pipelines.data.table import did_you_mean, listed

Method = Literal["reinforcement", "supervised", "dpo"]
_PARTS = {"grader", "response_format", "hyperparameters", "tools", "max_episode_steps"}
_READ = {"method", "model", "seed", "suffix", "hyperparameters", "training_file", "validation_file"}


@dataclass(frozen=True, slots=True)
class Job:
    """What a job asks for. model: OpenAI's name. schema: the JSON schema that answers were held to, or None.

    kind: what the file was, for people. ignored: keys that have no meaning here.
    """

    kind: str
    method: Method
    grader: Mapping[str, Any] | None = None
    schema: Mapping[str, Any] | None = None
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    model: str | None = None
    seed: int | None = None
    suffix: str | None = None
    ignored: tuple[str, ...] = ()


def read_job(path: Path) -> Job:
    """Raises UserError, with the line where the file is no JSON."""
    body = _load(path)
    try:
        return _job(body)
    except UserError as error:
        raise UserError(error.happened, error.expected, error.fix, str(path)) from None


def _load(path: Path) -> Mapping[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError("there is no such file", "an OpenAI job or grader as JSON", where=str(path)) from None
    except json.JSONDecodeError as error:
        raise UserError(f"this is no JSON: {error.msg}", "a JSON object", where=f"{path}:{error.lineno}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot be read: {error}", "a JSON object in UTF-8", where=str(path)) from None
    if not isinstance(body, Mapping):
        raise UserError("this is no JSON object", 'an object such as {"method": {...}}', where=str(path))
    return body


def _job(body: Mapping[str, Any]) -> Job:
    if "method" in body or "training_file" in body:
        return _whole(body)
    if body.get("type") in get_args(Method):
        return _of_method("the method of a job", body, {})
    if isinstance(body.get("grader"), Mapping):
        return _of_method("a job's reinforcement part", {"type": "reinforcement", "reinforcement": body}, {})
    if "type" in body:
        return Job("a grader", "reinforcement", body)
    raise UserError(
        f"this is neither a job nor a grader: its keys are {listed(body, 8)}",
        'a job with "method", or a grader with "type"',
        "save what you sent to /fine_tuning/jobs as JSON",
    )


def _whole(body: Mapping[str, Any]) -> Job:
    method = body.get("method")
    if method is None:  # OpenAI's default; its hyperparameters stand at the top
        method = {"type": "supervised", "supervised": {"hyperparameters": body.get("hyperparameters") or {}}}
    if not isinstance(method, Mapping):
        raise UserError(f"`method` is {method!r}", 'an object such as {"type": "reinforcement", "reinforcement": {}}')
    return _of_method("a job", method, body)


def _of_method(kind: str, method: Mapping[str, Any], body: Mapping[str, Any]) -> Job:
    name = _method_name(method)
    part = method.get(name) or {}
    if not isinstance(part, Mapping):
        raise UserError(f"`{name}` is {part!r}", "an object with its settings")
    _refuse_tools(part)
    if name == "reinforcement" and not isinstance(part.get("grader"), Mapping):
        raise UserError("the job has no grader", 'reinforcement: {"grader": {"type": ...}}')
    hyperparameters, unknown = read_hyperparameters(part.get("hyperparameters") or {})
    seed, answer_format = body.get("seed"), part.get("response_format")
    schema = _schema(answer_format)
    unknown += [key for key in part if key not in _PARTS]
    unknown += [key for key in body if key not in _READ and body[key]]
    return Job(
        kind,
        name,
        part.get("grader"),
        schema,
        hyperparameters,
        body.get("model"),
        seed if isinstance(seed, int) and 0 <= seed < 2**32 else None,
        body.get("suffix"),
        (*unknown, *(["response_format"] if answer_format and schema is None else [])),
    )


def _method_name(method: Mapping[str, Any]) -> Method:
    known: tuple[Method, ...] = get_args(Method)
    named = method.get("type")
    for name in known:
        if named == name or (named is None and name in method):
            return name
    raise UserError(f"there is no method {named!r}", f"one of {listed(known)}", did_you_mean(str(named), known))


def _refuse_tools(part: Mapping[str, Any]) -> None:
    settings = part.get("hyperparameters")
    used = [key for key in ("tools", "max_episode_steps") if part.get(key)]
    if isinstance(settings, Mapping) and settings.get("max_episode_steps"):
        used.append("max_episode_steps")
    if used:
        raise UserError(
            f"the job trains with tools ({listed(used)}); this version trains one answer of text",
            "a job without tools",
            "remove them where the task can be done without",
        )


def _schema(given: object) -> Mapping[str, Any] | None:
    """The schema of a response format, wrapped as OpenAI has it, bare ({name, strict, schema}), or a schema alone."""
    if not isinstance(given, Mapping):
        return None
    inner = given.get("json_schema", given)
    schema = inner.get("schema", inner if "properties" in inner else None) if isinstance(inner, Mapping) else None
    return schema if isinstance(schema, Mapping) else None
