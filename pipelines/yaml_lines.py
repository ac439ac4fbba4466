"""YAML with the line of every key, so that a fault can be shown where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from graders.errors import UserError


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the line (from 1) it stands on, and a sentence."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file: its plain value, its node tree, and the keys that stand twice."""

    value: Any
    node: yaml.Node | None
    faults: tuple[Fault, ...]

    def line(self, location: Sequence[str | int]) -> int:
        """The line of the deepest part of `location` that exists; parts that are no key (union tags) are skipped."""
        node, line = self.node, 1
        for part in location:
            found = _child(node, part)
            if found is not None:
                line, node = found
        return line


def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


def parse(text: str, where: str) -> Document:
    """Parses YAML with the safe loader; a syntax error is a UserError with its line."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        value = yaml.load(text, Loader=_Loader)
        repeated = tuple(_repeated(node, set()))
    except RecursionError:
        raise UserError("this is nested too deep", "key: value lines", "check brackets", where) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        problem = getattr(error, "problem", None) or str(error)
        raise UserError(f"this is not YAML: {problem}", "key: value lines", "check indents and quotes", place) from None
    return Document(value, node, repeated)


class _Loader(yaml.SafeLoader):
    """The safe loader, which also takes tabs between the parts of {...} and [...], as YAML does: pasted JSON has them.

    PyYAML's own refuses them. `scan_to_next_token` is where its scanner skips spaces (PyYAML 6.0, scanner.py).
    """

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.flow_level and self.peek() == "\t":
            self.forward()
            super().scan_to_next_token()


def _repeated(node: yaml.Node | None, visited: set[int]) -> list[Fault]:
    """visited: ids of nodes; an anchor's node hangs in several places, even in itself, and is looked at once."""
    if id(node) in visited:
        return []
    visited.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [fault for child in node.value for fault in _repeated(child, visited)]
    if not isinstance(node, yaml.MappingNode):
        return []
    faults, seen = [], set()
    for key, value in node.value:
        if key.value in seen:
            faults.append(Fault(key.start_mark.line + 1, f"`{key.value}` stands twice; keep one"))
        seen.add(key.value)
        faults.extend(_repeated(value, visited))
    return faults
