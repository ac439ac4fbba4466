"""Options that several commands share, and the typed values made of them."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import click

from graders.errors import UserError
from pipelines.data.rows import Role
from pipelines.data.spec import DataSpec
from pipelines.data.table import did_you_mean, listed

Decorator = Callable[[Any], Any]
_DATA_OPTIONS: tuple[Decorator, ...] = (
    click.option("--column", "columns", multiple=True, metavar="ROLE=NAME", help="The column of a role."),
    click.option("--limit", type=click.IntRange(1), help="Use only this many rows, chosen by hash."),
    click.option("--validation", metavar="FILE", help="Rows that choose; else a share of the data."),
    click.option("--test", metavar="FILE", help="Rows that prove; else a share of the data."),
    click.option("--prompt", metavar="TEMPLATE", help="Template of the prompt, such as 'Sort this: {{text}}'."),
    click.option("--system", metavar="TEMPLATE", help="Template of the system message."),
)


def data_options(command: Any) -> Any:
    """Adds the options that say how data is read."""
    for option in reversed(_DATA_OPTIONS):
        command = option(command)
    return command


def data_spec(train: str, options: Mapping[str, Any], folder: Path) -> DataSpec:
    """The options as a DataSpec whose paths start from `folder`."""
    fields = {key: options[key] for key in ("limit", "prompt", "system") if options[key] is not None}
    held_out = {key: path_from(options[key], folder) for key in ("validation", "test") if options[key] is not None}
    return DataSpec.model_validate({"train": train, "columns": _columns(options["columns"]), **fields, **held_out})


def path_from(path: str, folder: Path) -> str:
    """A path from the working folder as a path from `folder`."""
    if Path(path).is_absolute() or not Path(path).exists():
        return path
    return Path(os.path.relpath(Path(path).resolve(), folder.resolve())).as_posix()


def _columns(pairs: Iterable[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        role, equals, column = pair.partition("=")
        if not equals or not column:
            raise UserError(f"--column {pair!r} cannot be read", "role=name, such as --column prompt=question")
        if role not in get_args(Role):
            raise UserError(
                f"there is no role {role!r}", f"one of {listed(get_args(Role))}", did_you_mean(role, get_args(Role))
            )
        found[role] = column
    return found
