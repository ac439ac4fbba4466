"""Which rows to read and how: the `data:` part of a plan, and what `--column` and `--limit` fill in."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines.data.rows import Role


class SplitSpec(BaseModel):
    """Shares of the rows, by a hash of the prompt; a part that has a file of its own takes no share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation: float = Field(0.1, ge=0, lt=1, description="Share of rows that choose (checkpoints, gates).")
    test: float = Field(0.2, ge=0, lt=1, description="Share of rows that prove; nothing is chosen by them.")


class DataSpec(BaseModel):
    """The data of a plan. Paths are relative to the plan's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: str = Field(description="File, folder saved by `datasets`, or hub id (owner/name).")
    validation: str | None = Field(None, description="File of rows that choose; else a share of `train`.")
    test: str | None = Field(None, description="File of rows that prove; else a share of `train`.")
    preferences: str | None = Field(
        None, description="File of pairs, or of answers marked good or bad, that reward models, DPO and KTO learn from."
    )
    columns: dict[Role, str] = Field(default_factory=dict, description="role: column, where detection is wrong.")
    prompt: str | None = Field(None, description="Template of the prompt: {{column}} is filled from each row.")
    system: str | None = Field(None, description="Template of the system message: {{column}} is filled.")
    placeholders: Literal["fill", "keep"] = Field(
        "fill", description="fill: number0 in a prompt becomes its value where another column has it."
    )
    demonstrations: Literal["worked"] | None = Field(
        None, description="worked: answers that show no steps are compared with, and not imitated."
    )
    limit: int | None = Field(None, ge=1, description="Use only this many rows of `train`, chosen by hash.")
    split: SplitSpec = SplitSpec()
    balance: Literal["none", "label"] = Field("none", description="label: up-weight rare labels, capped.")

    @property
    def sources(self) -> tuple[str, ...]:
        """Every file, folder or hub id that is named, each once."""
        named = (self.train, self.validation, self.test, self.preferences)
        return tuple(dict.fromkeys(source for source in named if source))
