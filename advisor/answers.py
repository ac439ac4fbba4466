"""answers.yaml: what the user said, kept beside the plan so that the next interview need not ask again.

Defaults that nobody confirmed are not kept: they are measured anew each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from advisor.checks import Value
from advisor.facts import Origin
from graders.errors import UserError
from pipelines.files import write_text

HEADER = "# What you told `finetune-advisor init`. Paths are relative to this file. Edit it and run init again.\n"
YesNoUnknown = bool | Literal["unknown"]


class Answers(BaseModel):
    """The file. None: not answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str | None = Field(None, description="File, folder saved by `datasets`, or hub id; `none` without data.")
    task: str | None = Field(None, description="What the model is to do, in a sentence.")
    model: str | None = Field(None, description="`starter`, a model folder or a hub id.")
    labelled: int | None = Field(None, description="Rows with a right answer.")
    demonstrations: bool | None = Field(None, description="The answers show how, not only the result.")
    verifiable: bool | None = Field(None, description="A program can tell a right answer from a wrong one.")
    grader: str | None = Field(None, description="Which grader does it, or `none`.")
    probe: bool | None = Field(None, description="Try the model on the rows before deciding.")
    reasoning_helps: YesNoUnknown | None = Field(None, description="Thinking step by step makes answers better.")
    format_new: YesNoUnknown | None = Field(None, description="The model does not know this task or its format yet.")
    target: float | None = Field(None, description="Share of right answers that is good enough; 0: not said.")
    preferences: int | None = Field(None, description="Pairs of a better and a worse answer.")
    reward_model: bool | None = Field(None, description="A reward model on the pairs has passed its gate.")
    gpu_gib: float | None = Field(None, description="Memory of the GPU to train on, 0 for none.")
    hours: float | None = Field(None, description="What training may take; 0 for no limit.")
    control: bool | None = Field(None, description="Also train SFT on for as long as RFT, for comparison.")
    rl_gate: bool | None = Field(None, description="Stop where RL could learn nothing, or a stage made it worse.")
    name: str | None = Field(None, description="Names the plan and its run's folder.")


@dataclass(frozen=True, slots=True)
class Answer:
    """A value and where it came from."""

    value: Value
    origin: Origin


def read_answers(path: Path) -> dict[str, object]:
    """Key → value as it stands in the file, not checked yet."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the answers: {error}", "a YAML file of answers", where=str(path)) from error
    except yaml.YAMLError as error:
        raise UserError(
            f"the answers are no YAML: {error}", "lines such as `model: starter`", where=str(path)
        ) from error
    if not isinstance(found or {}, dict):
        raise UserError("the answers are no mapping", "lines such as `model: starter`", where=str(path))
    return {str(key): value for key, value in (found or {}).items() if value is not None}


def write_answers(path: Path, told: Mapping[str, Value]) -> None:
    """Writes what was told, whole or not at all."""
    answers = Answers.model_validate(dict(told))
    body = yaml.safe_dump(answers.model_dump(exclude_none=True), sort_keys=False, allow_unicode=True, width=100)
    write_text(path, HEADER + body)
