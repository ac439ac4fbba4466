"""What a trial's steps took."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Use = Literal["memory", "time"]
"""What a trial is for."""


class Measured(BaseModel):
    """peak_bytes: above held_bytes, which the process held after its imports. seconds: of one optimizer step, the mean
    of the timed ones; None where no second step was taken. timed: how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    peak_bytes: int
    held_bytes: int
    seconds: float | None
    timed: int = Field(ge=0)
