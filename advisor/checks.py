"""What an answer may look like. A typed answer, a flag and a file all pass the same check.

In: the answer as given, and the plan's folder, which relative paths start from. Out: its value; UserError says what was
expected.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml

from graders.errors import UserError
from graders.union import GRADERS, parse_grader
from pipelines.data.table import did_you_mean
from pipelines.plan import NAME, NAME_IN_WORDS

Value = str | bool | int | float
Check = Callable[[object, Path], Value]

UNKNOWN, NONE, STARTER = "unknown", "none", "starter"
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_YES = {"yes": True, "y": True, "true": True, "是": True, "no": False, "n": False, "false": False, "否": False}


def text(value: object, _: Path) -> Value:
    """Any text on one line."""
    words = " ".join(str(value).split())
    if not words or len(words) > 500:
        raise UserError(f"{words[:40]!r} is no answer", "a sentence of at most 500 characters")
    return words


def yes_no(value: object, _: Path) -> Value:
    """yes or no."""
    if isinstance(value, bool):
        return value
    if (word := str(value).strip().casefold()) in _YES:
        return _YES[word]
    raise UserError(f"{value!r} is no answer", "yes or no")


def yes_no_unknown(value: object, folder: Path) -> Value:
    """yes, no or unknown."""
    if str(value).strip().casefold() in {UNKNOWN, "?", "don't know", "不知道"}:
        return UNKNOWN
    try:
        return yes_no(value, folder)
    except UserError:
        raise UserError(f"{value!r} is no answer", "yes, no or unknown") from None


def count(value: object, _: Path) -> Value:
    """A whole number from 0."""
    plain = str(value).replace(",", "").replace("_", "").strip()
    if isinstance(value, bool) or not plain.isdecimal():
        raise UserError(f"{value!r} is no count", "a whole number, 0 or more")
    return int(plain)


def amount(value: object, _: Path) -> Value:
    """A number from 0, such as GiB or hours."""
    if not isinstance(value, bool) and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", str(value).strip()):
        return float(str(value))
    raise UserError(f"{value!r} is no amount", "a number, 0 or more")


def share(value: object, folder: Path) -> Value:
    """A share from 0 to 1."""
    try:
        found = amount(value, folder)
    except UserError:
        found = 2.0
    if float(found) > 1:
        raise UserError(f"{value!r} is no share", "a number from 0 to 1, such as 0.8")
    return found


def plan_name(value: object, _: Path) -> Value:
    """A name for the run's folder."""
    if re.fullmatch(NAME, str(value)):
        return str(value)
    raise UserError(f"{value!r} cannot name a folder", NAME_IN_WORDS)


def data(value: object, folder: Path) -> Value:
    """A file or folder that exists, a hub id, or none."""
    name = str(value).strip()
    if name == NONE or _HUB_ID.fullmatch(name) or (name and (folder / Path(name).expanduser()).exists()):
        return name
    raise UserError(
        f"there is no data at {name!r}",
        "a file (JSONL, JSON, CSV, TSV, parquet), a folder saved by `datasets`, a hub id (owner/name), or `none`",
        "check the path; relative ones start from where you are",
    )


def model(value: object, folder: Path) -> Value:
    """`starter`, a folder that holds a model, or a hub id."""
    name = str(value).strip()
    path = folder / Path(name).expanduser()
    if name and path.is_dir() and not (path / "config.json").is_file():
        raise UserError("this folder holds no model", "a config.json in it", where=str(path))
    if name == STARTER or _HUB_ID.fullmatch(name) or (name and path.is_dir()):
        return name
    raise UserError(f"there is no model {name!r}", "`starter`, a model folder, or a hub id (owner/name)")


@cache
def bare_graders() -> tuple[str, ...]:
    """The graders that their type alone describes."""
    return tuple(name for name in GRADERS if _stands_alone(name))


def _stands_alone(name: str) -> bool:
    try:
        parse_grader({"type": name})
    except UserError:
        return False
    return True


def grader(value: object, _: Path) -> Value:
    """none, a grader's type, or its mapping as YAML text."""
    name = str(value).strip()
    if name == NONE or name in bare_graders():
        return name
    if name in GRADERS:
        parse_grader({"type": name})  # raises, with the fields that it lacks
    if not name.startswith("{"):
        raise UserError(
            f"there is no grader {name!r}",
            f"{', '.join(bare_graders())}, {NONE}, or a mapping such as {{type: numeric, abs_tolerance: 0.01}}",
            did_you_mean(name, (*GRADERS, NONE)),
        )
    try:
        parse_grader(yaml.safe_load(name))
    except yaml.YAMLError as error:
        raise UserError(f"{name!r} cannot be read", "a mapping such as {type: numeric, abs_tolerance: 0.01}") from error
    return name
