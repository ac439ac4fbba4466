"""What is known of a plan's model and stages without its weights: what the child of look_child.py finds out.

A tokenizer and a model's shape need transformers and torch, which the command line does not load.
"""

from pydantic import BaseModel, ConfigDict, Field

from pipelines.plan_file import LoadedPlan
from pipelines.preflight import children, look_child
from pipelines.preflight.record import Line


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MemoryLook(_Part):
    """Bytes by the formula of pipelines/memory.py. step: the peak of an optimizer step; peak: of the whole stage."""

    held: int
    activations: int
    output: int
    gradients: int
    sampling: int
    saving: int
    step: int
    peak: int


class StageLook(_Part):
    """One training stage. rows: examples, or prompts in RL, that it learns from."""

    stage: str
    type: str
    tuning: str
    rows: int
    left_out: int = Field(description="Rows that are too long.")
    longest: int = Field(description="Tokens of the longest sequence, its answer included.")
    tokens: int = Field(description="In all passes; in RL with answers as long as they may be.")
    new_tokens: int | None = Field(description="Tokens that a sampled answer may take; null where none is sampled.")
    per_step: int
    micro: int
    accumulation: int
    steps: int
    epochs: float
    learning_rate: float
    memory: MemoryLook
    trial_bytes: int = Field(description="What the formula says of a trial: fewer micro-batches, no validation rows.")
    row_numbers: tuple[int, ...] = Field(description="Rows that fit, those with most tokens first; for trials.")


class Look(_Part):
    """lines: of the model, its template, and of stages that cannot be sized. parameters: of the model."""

    lines: tuple[Line, ...]
    stages: tuple[StageLook, ...]
    parameters: int
    trained_by_lora: int = Field(description="Parameters of an adapter of the plan's rank.")
    gpu: str | None
    gpus: int
    device_bytes: int = Field(description="Memory of the GPU, or of the machine.")
    bf16: bool
    imitated: bool = Field(description="Whether the GPU has no units for bf16.")


def look_at(loaded: LoadedPlan, with_rows: bool) -> Look:
    """with_rows: whether a trial will want row_numbers. Raises UserError for what the user can mend (no model, a broken
    tokenizer), and ChildFailed."""
    request = {"plan": loaded.plan.model_dump(mode="json"), "base": str(loaded.folder), "with_rows": with_rows}
    return Look.model_validate(children.run(look_child.__file__, request))
