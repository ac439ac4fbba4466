"""OpenAI's grader as it stands in a job → ours, with a range where its numbers show that it needs one.

In: the grader's JSON. Out: the grader, and what to tell the user. A range is only proposed: from `pass_threshold`, from
the numbers that a `python` grader returns literally, and from a formula's values at the ends of its graders' ranges.
"""

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graders.base import Grader
from graders.errors import UserError
from graders.formula import FormulaError, parse_formula
from graders.multi import Multi
from graders.ranges import UNIT
from graders.union import AnyGrader, parse_grader

_MOST_CORNERS = 12

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Imported:
    """A grader of a job. notes: sentences for the user."""

    grader: AnyGrader
    notes: tuple[str, ...]


def import_grader(config: Config, where: str) -> Imported:
    """Raises UserError for what the grader's own type refuses, a secret that stands in it among others."""
    notes = [*_judges(config)]
    ready = with_range(config, str(config.get("name") or "the grader"), notes)
    grader = parse_grader(ready, where)
    if config.get("pass_threshold") is not None:
        scaled = "" if _range(grader) == UNIT else ", as a share of the range"
        notes.append(f"pass_threshold {config['pass_threshold']:g} → pass_at {grader.pass_at:g}{scaled}.")
    return Imported(grader, tuple(notes))


def _judges(config: Any) -> Iterator[str]:
    """Where each model that grades is asked."""
    if isinstance(config, list):
        for item in config:
            yield from _judges(item)
    if isinstance(config, Mapping):
        if config.get("type") in ("score_model", "label_model") and "server" not in config:
            yield (
                f"{config.get('model')} grades: it is asked at OPENAI_BASE_URL with the key in OPENAI_API_KEY; another "
                "server is named in the grader as server: {base_url: ...}."
            )
        for item in config.values():
            yield from _judges(item)


def with_range(config: Config, name: str, notes: list[str]) -> Config:
    """The config with a range where it declares none and its numbers leave [0, 1]; then `notes` gets why."""
    if config.get("type") == "multi" and "graders" in config:
        config = {**config, "graders": _each(config["graders"], lambda inner, key: with_range(inner, key, notes))}
    if config.get("range") is not None or config.get("type") not in ("python", "score_model", "endpoint", "multi"):
        return config
    shown = [*_threshold(config), *_literals(config), *_corners(config, name, notes)]
    low, high = min([0.0, *(number for number, _ in shown)]), max([1.0, *(number for number, _ in shown)])
    if (low, high) == UNIT:
        return config
    why = "; ".join(dict.fromkeys(said for number, said in shown if not 0 <= number <= 1))
    notes.append(f"{name} declares no range, but {why}: range: [{low:g}, {high:g}] was written. Check that it is so.")
    return {**config, "range": [low, high]}


def _each(graders: Any, change: Callable[[Config, str], Config]) -> Any:
    """Each grader of a map, a list or a single one, changed; what is no grader stays."""
    if isinstance(graders, list):
        named = [(grader, str(grader.get("name")) if isinstance(grader, Mapping) else "") for grader in graders]
        return [change(grader, name) if isinstance(grader, Mapping) else grader for grader, name in named]
    if not isinstance(graders, Mapping):
        return graders
    if isinstance(graders.get("type"), str):
        return change(graders, str(graders.get("name")))
    return {key: change(grader, key) if isinstance(grader, Mapping) else grader for key, grader in graders.items()}


def _threshold(config: Config) -> list[tuple[float, str]]:
    threshold = config.get("pass_threshold")
    if isinstance(threshold, int | float) and not isinstance(threshold, bool):
        return [(float(threshold), f"its pass_threshold is {threshold:g}")]
    return []


def _literals(config: Config) -> list[tuple[float, str]]:
    """The numbers that `grade` of a python source returns as they stand there."""
    if config.get("type") != "python" or not isinstance(config.get("source"), str):
        return []
    try:
        tree = ast.parse(config["source"])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # the grader's own type says so
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return [(number, f"its source returns {number:g}") for number in _returned("grade", functions, set())]


def _returned(name: str, functions: Mapping[str, ast.FunctionDef], seen: set[str]) -> list[float]:
    if name not in functions or name in seen:
        return []
    seen.add(name)
    function = functions[name]
    found: list[float] = []
    waiting = [node.value for node in _own(function) if isinstance(node, ast.Return) and node.value]
    while waiting:
        match waiting.pop():
            case ast.Constant(value=int() | float() as number):
                found.append(float(number))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                found.append(-float(number))
            case ast.IfExp(body=one, orelse=other):
                waiting += [one, other]
            case ast.Name(id=variable) if variable not in seen:
                seen.add(variable)
                waiting += [node.value for node in _own(function) if _assigns(node, variable)]  # type: ignore[attr-defined]
            case ast.Call(func=ast.Name(id="float" | "int" | "round"), args=[inner, *_]):
                waiting.append(inner)
            case ast.Call(func=ast.Name(id=helper)):
                found += _returned(helper, functions, seen)
    return found


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The parts of a function, but for those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _assigns(node: ast.AST, variable: str) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == variable for t in node.targets)


def _corners(config: Config, name: str, notes: list[str]) -> list[tuple[float, str]]:
    """A formula's lowest and highest value where each grader is at an end of its range; a note where it has none."""
    if config.get("type") != "multi":
        return []
    try:
        multi = parse_grader({key: value for key, value in config.items() if key != "pass_threshold"})
    except UserError:
        return []  # said with its place when the whole is read
    names = parse_formula(multi.calculate_output).names if isinstance(multi, Multi) else ()
    if not isinstance(multi, Multi) or len(names) > _MOST_CORNERS:
        return []
    values, without = [], []
    for ends in itertools.product(*(_range(multi.graders[part]) for part in names)):
        point = dict(zip(names, ends, strict=True))
        try:
            values.append(parse_formula(multi.calculate_output).value(point))
        except FormulaError as error:
            without.append(f"{', '.join(f'{part} = {end:g}' for part, end in point.items())} ({error})")
    if without:
        notes.append(f"{name}: the formula has no value at {without[0]}; such rows will be unscored.")
    return [(end, f"its formula reaches {end:g}") for end in (min(values), max(values))] if values else []


def _range(grader: Grader) -> tuple[float, float]:
    bounds: tuple[float, float] = getattr(grader, "range", UNIT)
    return bounds
