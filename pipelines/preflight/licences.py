"""The licences of model and data, where somebody wrote them down: a card's front matter, or the hub's."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import yaml

from graders.errors import UserError
from pipelines import hub
from pipelines.preflight.record import Line, amber, green
from pipelines.preflight.subject import Subject
from pipelines.sources import STARTER, locate

_CARD = "README.md"
_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_RESTRICTED = re.compile(
    r"(?:^|[-_ ])(nc|noncommercial|non-commercial|other|research)(?:$|[-_ ])|llama|gemma", re.IGNORECASE
)
"""Terms that forbid some uses, or that must be read to know."""


def lines(subject: Subject) -> Iterator[Line]:
    """One for the model, one for each place that data comes from."""
    plan, base = subject.plan, subject.loaded.folder
    try:
        where = locate(plan.model, base)
    except UserError:
        return
    if where == str(STARTER):
        yield green("licence", "model: embedded in this package, made from generated text")
    else:
        yield _line("model", plan.model.name, licence_of(where, "model"))
    for source in plan.data.sources:
        path = base / Path(source).expanduser()
        if path.is_file() and path.parent.resolve() == base.resolve() and not (path.parent / _CARD).exists():
            yield green("licence", f"data {source}: a file of yours beside the plan")
        else:
            yield _line("data", source, licence_of(str(path) if path.exists() else source, "dataset"))


def licence_of(where: str, kind: Literal["model", "dataset"]) -> str | None:
    """Of a folder, of the folder that a file lies in, or of a hub id; None where nobody says."""
    path = Path(where)
    if path.exists():
        return _in_card((path if path.is_dir() else path.parent) / _CARD)
    try:
        found = hub.card("/".join(where.split(":", maxsplit=1)[0].split("/")[:2]), kind)
    except UserError:
        return None
    return found.licence if found else None


def _in_card(card: Path) -> str | None:
    front = _FRONT.match(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else None
    if front is None:
        return None
    try:
        fields = yaml.safe_load(front[1])
    except yaml.YAMLError:
        return None
    named = (fields.get("license_name") or fields.get("license")) if isinstance(fields, dict) else None
    return ", ".join(map(str, named)) if isinstance(named, list) else str(named) if named else None


def _line(what: str, name: str, licence: str | None) -> Line:
    if licence is None:
        return amber("licence", f"{what} {name}: unknown", "look at where it comes from")
    if _RESTRICTED.search(licence):
        return amber("licence", f"{what} {name}: {licence}", "read its terms: they restrict some uses")
    return green("licence", f"{what} {name}: {licence}")
