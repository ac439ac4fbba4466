"""What `check` says, as a file that machines read: frozen, strict, every default on its field."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from graders.errors import UserError

Level = Literal["green", "amber", "red"]
LEVELS: tuple[Level, ...] = ("green", "amber", "red")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(_Part):
    """One thing that was looked at. red: `run` will fail, or its result will be worthless. amber: to be known."""

    level: Level
    about: str = Field(description="What was looked at: data, template, grader NAME, batch, memory, disk, ...")
    stage: str | None = Field(None, description="The stage that it is about; null: the whole plan.")
    said: str
    number: float | None = Field(None, description="The number that the line goes by.")
    unit: str = ""
    fix: str = ""


class CheckReport(_Part):
    """Everything that `check` found. lines: in the order in which they were looked at."""

    plan: str
    run_folder: str
    lines: tuple[Line, ...]

    @property
    def level(self) -> Level:
        """Of the gravest line."""
        return max((line.level for line in self.lines), key=LEVELS.index, default="green")


def green(about: str, said: str, number: float | None = None, unit: str = "", stage: str | None = None) -> Line:
    """Nothing to do."""
    return Line(level="green", about=about, said=said, number=number, unit=unit, stage=stage)


def amber(about: str, said: str, fix: str, number: float | None = None, stage: str | None = None) -> Line:
    """To be known before it costs anything."""
    return Line(level="amber", about=about, said=said, number=number, stage=stage, fix=fix)


def red(about: str, said: str, expected: str, fix: str, stage: str | None = None) -> Line:
    """`run` would fail, or its result would be worthless."""
    told = "; ".join([said, f"expected: {expected}"] if expected else [said])
    return Line(level="red", about=about, said=told, stage=stage, fix=fix)


def of_error(about: str, error: UserError, stage: str | None = None) -> Line:
    """A red line of what `run` would say."""
    where = f"{error.where}: " if error.where else ""
    return red(about, f"{where}{error.happened}", error.expected, error.fix, stage)
