"""plan.yaml → Plan. Every fault is reported at once, with its line and "did you mean"."""

import copy
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pydantic

from graders.errors import UserError
from graders.faults import said
from pipelines.plan import NAME, NAME_IN_WORDS, PLAN_VERSION, Plan, Stage, Strict
from pipelines.plan_checks import did_you_mean, inconsistent
from pipelines.yaml_lines import Document, Fault, parse

STAGE_MODELS: dict[str, type[Strict]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(Stage)[0])
}


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """A plan and the file it came from; relative paths in it start at `folder`."""

    plan: Plan
    path: Path

    @property
    def folder(self) -> Path:
        return self.path.parent


def load_plan(path: Path, overrides: Sequence[str] = ()) -> LoadedPlan:
    """Reads, checks and returns a plan. `overrides` are `key.key=value` texts, as of --set.

    Raises UserError that lists every fault with its line.
    """
    document = parse(_read(path), str(path))
    if not isinstance(document.value, dict):
        raise UserError("the plan is empty or not a mapping", "keys such as `data:` and `stages:`", where=str(path))
    _refuse_other_version(document.value.get("version", PLAN_VERSION), str(path))
    for text in overrides:
        _override(document.value, text)
    faults = list(document.faults)
    try:
        plan = Plan.model_validate(document.value, context={"folder": path.parent})  # of files it names
    except pydantic.ValidationError as error:
        causes = _causes(error.errors())
        faults += [_fault(document, item) for item in causes]
        faults += _faults_of_the_rest(document, [item["loc"] for item in causes], path.parent)
        raise _report(path, faults) from None
    faults += [Fault(document.line(where), message) for where, message in inconsistent(plan)]
    if faults:
        raise _report(path, faults)
    return LoadedPlan(plan, path.resolve())


def _faults_of_the_rest(document: Document, wrong: Iterable[Sequence[str | int]], folder: Path) -> list[Fault]:
    """Faults between fields, where the plan can be read without the values that are wrong by themselves."""
    rest = copy.deepcopy(document.value)
    taken = {_way(rest, location) for location in wrong}
    for way in taken:
        _remove(rest, way)
    try:
        plan = Plan.model_validate(rest, context={"folder": folder})
    except pydantic.ValidationError:
        return []
    found = [(where, message) for where, message in inconsistent(plan) if not any(where[: len(w)] == w for w in taken)]
    return [Fault(document.line(where), message) for where, message in found]


def _way(value: Any, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """The part of pydantic's location that leads to something; the types that it took things for are left out."""
    way: list[str | int] = []
    for part in location:
        if part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value)):
            way.append(part)
            value = value[part]
    return tuple(way)


def _remove(value: Any, way: Sequence[str | int]) -> None:
    """Nothing of a list: a stage that is missing would make others wrong."""
    for part in way[:-1]:
        value = value.get(part, {}) if isinstance(value, dict) else value[part]
    if way and isinstance(value, dict):
        value.pop(way[-1], None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            "there is no such plan", "a plan.yaml", "finetune-advisor init --data FILE", str(path)
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the plan cannot be read: {error}", "a UTF-8 text file", where=str(path)) from None


def _refuse_other_version(version: Any, where: str) -> None:
    if type(version) is not int or version != PLAN_VERSION:
        newer = isinstance(version, int) and version > PLAN_VERSION
        happened = f"the plan is of version {version!r}" + (", newer than this program" if newer else "")
        fix = "upgrade: pip install -U finetune-advisor" if newer else f"write version: {PLAN_VERSION}"
        raise UserError(happened, f"version {PLAN_VERSION}", fix, where)


def _override(value: dict[str, Any], text: str) -> None:
    path, sep, right = text.partition("=")
    if not sep:
        raise UserError(f"--set {text} has no `=`", "--set stages.sft.epochs=3")
    *parents, last = path.split(".")
    stages = value.get("stages")
    if parents and parents[0] not in value and parents[0] in map(_name_of, stages if isinstance(stages, list) else []):
        raise UserError(f"--set {text}: `{parents[0]}` is a stage", f"--set stages.{text}")
    target: Any = value
    for part in parents:
        target = _step_into(target, part, text)
    if not isinstance(target, dict):
        raise UserError(f"--set {text}: `{path}` names no field", "a path such as stages.sft.epochs")
    target[last] = parse(right, f"--set {text}").value


def _name_of(stage: Any) -> Any:
    return stage.get("name") if isinstance(stage, dict) else None


def _step_into(target: Any, part: str, text: str) -> Any:
    """One step of a --set path; items of a list are named by their `name`."""
    if isinstance(target, list):
        named = {_name_of(item): item for item in target if isinstance(item, dict)}
        if part not in named:
            raise UserError(f"--set {text}: there is no `{part}`", f"one of {', '.join(map(str, named))}")
        return named[part]
    return target.setdefault(part, {}) if isinstance(target, dict) else None


def _report(path: Path, faults: list[Fault]) -> UserError:
    unique = sorted({(fault.line, fault.message) for fault in faults})
    count = f"{len(unique)} faults" if len(unique) > 1 else "a fault"
    lines = [f"  {path.name}:{line}: {message}" for line, message in unique]
    return UserError("\n".join([f"{count} in {path}:", *lines]), fix="finetune-advisor schema prints every key")


def _causes(items: Sequence[Any]) -> list[Any]:
    """Without "too short" of a list whose items are wrong themselves: pydantic counts only the right ones."""
    inside = {item["loc"][:depth] for item in items for depth in range(len(item["loc"]))}
    return [item for item in items if item["type"] != "too_short" or item["loc"] not in inside]


def _fault(document: Document, item: Any) -> Fault:
    location = item["loc"]
    line = document.line(location)
    keys = [part for part in location if not isinstance(part, int) and part != "[key]"]
    name = str(keys[-1]) if keys else "the plan"
    if item["type"] == "extra_forbidden":
        return Fault(line, f"unknown key `{name}`{did_you_mean(name, _known_keys(location))}")
    if item["type"] == "missing":
        return Fault(line, f"`{name}` is missing")
    if item["type"] == "union_tag_invalid":
        tag, known = item["ctx"]["tag"], item["ctx"]["expected_tags"].replace("'", "").split(", ")
        return Fault(line, f"unknown type `{tag}`{did_you_mean(tag, known)} (known: {', '.join(known)})")
    if item["type"] == "union_tag_not_found":
        return Fault(line, "`type` is missing")
    if item["type"] == "invalid_key":
        return Fault(line, f"`{location[-1]}` is no key: keys are text")
    words = f"takes {NAME_IN_WORDS}" if item.get("ctx", {}).get("pattern") == NAME else said(item)
    value = item["input"]  # a whole mapping is long and says little
    return Fault(line, f"`{name}`: {words}" + ("" if isinstance(value, dict) else f", not {reprlib.repr(value)}"))


def _known_keys(location: Sequence[str | int]) -> list[str]:
    """The keys that the object holding location[-1] takes, found by walking the JSON schema."""
    schema = Plan.model_json_schema()
    node = schema
    for part in location[:-1]:
        node = _schema_child(schema, node, part)
    return list(_resolve(schema, node).get("properties", {}))


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def _schema_child(schema: dict[str, Any], node: dict[str, Any], part: str | int) -> dict[str, Any]:
    node = _resolve(schema, node)
    if "discriminator" in node and part in node["discriminator"]["mapping"]:
        return {"$ref": node["discriminator"]["mapping"][part]}
    options = [_resolve(schema, option) for option in node.get("anyOf", [node])]
    for option in options:
        if part in option.get("properties", {}):
            found: dict[str, Any] = option["properties"][part]
            return found
        if isinstance(part, int) and "items" in option:
            return dict(option["items"])
        if isinstance(option.get("additionalProperties"), dict):
            return dict(option["additionalProperties"])
    return {}
