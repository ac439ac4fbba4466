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
from pipelines.language import LANGUAGES, Language, speak
from pipelines.machines import PORT, Machines
from pipelines.plan_file import LoadedPlan

Decorator = Callable[[Any], Any]
_COLUMN = click.option("--column", "columns", multiple=True, metavar="ROLE=NAME", help="The column of a role.")
_TEST = click.option("--test", metavar="FILE", help="Rows that prove; else a share of the data.")
_TEMPLATES: tuple[Decorator, ...] = (
    click.option("--prompt", metavar="TEMPLATE", help="Template of the prompt, such as 'Sort this: {{text}}'."),
    click.option("--system", metavar="TEMPLATE", help="Template of the system message."),
)
_DATA_OPTIONS: tuple[Decorator, ...] = (
    _COLUMN,
    click.option("--limit", type=click.IntRange(1), help="Use only this many rows, chosen by hash."),
    click.option("--validation", metavar="FILE", help="Rows that choose; else a share of the data."),
    _TEST,
    *_TEMPLATES,
)
_MACHINES: tuple[Decorator, ...] = (
    click.option("--launcher", type=click.Choice(["accelerate"]), help="What starts several processes; the only one."),
    click.option("--num-processes", type=click.IntRange(1), help="On all machines; instead of the plan's `processes`."),
    click.option("--num-machines", type=click.IntRange(1), default=1, help="The same command runs on each."),
    click.option("--machine-rank", type=click.IntRange(0), default=0, help="Which one this is, from 0."),
    click.option("--main-process-ip", metavar="IP", default="", help="Where the others reach machine 0."),
    click.option("--main-process-port", type=click.IntRange(1, 65535), default=PORT, help="The same, its port."),
)
"""With accelerate's own names."""


def language_option(command: Any) -> Any:
    """Adds --lang, which wins over FINETUNE_ADVISOR_LANG and the locale."""
    told = "Language of what is shown; else that of FINETUNE_ADVISOR_LANG, or of the locale."
    choice = click.Choice(LANGUAGES)
    option = click.option("--lang", type=choice, help=told, expose_value=False, is_eager=True, callback=_speak)
    return option(command)


def _speak(_ctx: click.Context, _option: click.Parameter, language: Language | None) -> None:
    if language is not None:
        speak(language)


def data_options(command: Any) -> Any:
    """Adds the options that say how data is read."""
    return _with(_DATA_OPTIONS, command)


def whole_data_options(command: Any) -> Any:
    """Those of them that a command which looks at all rows takes: no limit, and no file of rows that choose."""
    return _with((_COLUMN, _TEST, *_TEMPLATES), command)


def machine_options(command: Any) -> Any:
    """Adds the options that say on how many processes and machines a plan runs."""
    return _with(_MACHINES, command)


def machines_of(options: Mapping[str, Any], loaded: LoadedPlan) -> tuple[Machines, LoadedPlan]:
    """The machines, and the plan with as many processes as the options ask for."""
    told = (options["num_machines"], options["machine_rank"], options["main_process_ip"], options["main_process_port"])
    asked = options["num_processes"]
    plan = loaded.plan if asked is None else loaded.plan.model_copy(update={"processes": asked})
    return Machines(*told), LoadedPlan(plan, loaded.path)


def _with(options: Iterable[Decorator], command: Any) -> Any:
    for option in reversed(tuple(options)):
        command = option(command)
    return command


def data_spec(train: str, options: Mapping[str, Any], folder: Path) -> DataSpec:
    """The options as a DataSpec whose paths start from `folder`."""
    fields = {key: options[key] for key in ("limit", "prompt", "system") if options.get(key) is not None}
    files = {
        key: path_from(options[key], folder)
        for key in ("validation", "test", "preferences")
        if options.get(key) is not None
    }
    return DataSpec.model_validate({"train": train, "columns": columns_of(options["columns"]), **fields, **files})


def path_from(path: str, folder: Path) -> str:
    """A path from the working folder as a path from `folder`."""
    if Path(path).is_absolute() or not Path(path).exists():
        return path
    return Path(os.path.relpath(Path(path).resolve(), folder.resolve())).as_posix()


def columns_of(pairs: Iterable[str]) -> dict[str, str]:
    """ROLE=NAME texts as role → column. Raises UserError for what is none."""
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
