"""OpenAI's hyperparameters → the fields of our stages, and why some have no counterpart.

Source: OpenAI's openapi.yaml (2026-08), FineTuneReinforcementHyperparameters; its guide "Reinforcement fine-tuning".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from graders.errors import UserError
from graders.faults import said
from pipelines import sizing
from pipelines.plan import GRPO

_NO_COUNTERPART = {
    "learning_rate_multiplier": "OpenAI does not say which rate it multiplies; ours follows from the model's size, and "
    "learning_rate sets another",
    "eval_interval": "how often validation rows are looked at follows from the number of steps",
    "eval_samples": "a validation row is answered once; evaluation.pass_k says how often a test row is",
    "beta": "it belongs to dpo",
    "reasoning_effort": "whether a model reasons is up to its chat template (model.template_args)",
}


class Hyperparameters(BaseModel):
    """Those of all methods, within the API's bounds; None is OpenAI's "auto" or "default"."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n_epochs: int | None = Field(None, ge=1, le=50)
    batch_size: int | None = Field(None, ge=1, le=256)
    learning_rate_multiplier: float | None = Field(None, gt=0)
    compute_multiplier: float | None = Field(None, gt=0.00001, le=10)
    beta: float | None = Field(None, gt=0, le=2)
    eval_interval: int | None = Field(None, ge=1)
    eval_samples: int | None = Field(None, ge=1)
    reasoning_effort: Literal["low", "medium", "high"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _leave_open(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping):
            return fields
        return {key: None if value in ("auto", "default") else value for key, value in fields.items()}


@dataclass(frozen=True, slots=True)
class Mapped:
    """fields: of one of our stages. notes: what became what, and what has no counterpart."""

    fields: Mapping[str, int | float]
    notes: tuple[str, ...]


def read_hyperparameters(given: object) -> tuple[Hyperparameters, list[str]]:
    """Those that are known, and the names of the others. Raises UserError for a value that the API would refuse."""
    if not isinstance(given, Mapping):
        raise UserError(f"`hyperparameters` is {given!r}", 'an object such as {"n_epochs": 2}')
    known = {key: value for key, value in given.items() if key in Hyperparameters.model_fields}
    try:
        return Hyperparameters.model_validate(known), [key for key in given if key not in known]
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {said(fault)}, not {fault['input']!r}" for fault in error.errors())
        raise UserError(f"hyperparameters: {faults}", "what OpenAI's API takes") from None


def sft_fields(given: Hyperparameters) -> Mapped:
    """The fields of an `sft` stage."""
    fields = {"epochs": given.n_epochs, "batch_size": given.batch_size}
    return Mapped({key: value for key, value in fields.items() if value is not None}, _unmapped(given))


def dpo_fields(given: Hyperparameters) -> Mapped:
    """The fields of a `dpo` stage; OpenAI's beta is the paper's, as ours is."""
    fields = {"epochs": given.n_epochs, "batch_size": given.batch_size, "beta": given.beta}
    kept = {key: value for key, value in fields.items() if value is not None}
    return Mapped(kept, _unmapped(given.model_copy(update={"beta": None})))


def grpo_fields(given: Hyperparameters, num_prompts: int) -> Mapped:
    """The fields of a `grpo` stage over so many training prompts. Epochs are steps over the prompts of a step."""
    fields, notes = {}, []
    per_step = sizing.grpo_prompts_per_step(num_prompts)
    if given.batch_size is not None:
        per_step = fields["prompts_per_step"] = min(given.batch_size, num_prompts)
        notes.append(f"batch_size {given.batch_size} → prompts_per_step {per_step}.")
    if given.n_epochs is not None:
        steps = max(1, round(given.n_epochs * num_prompts / per_step))
        fields |= {"prompts_per_step": per_step, "steps": steps}
        notes.append(f"n_epochs {given.n_epochs} → {steps} steps of {per_step} of the {num_prompts:,} prompts.")
    if given.compute_multiplier is not None:
        usual: int = GRPO.model_fields["group_size"].default
        fields["group_size"] = max(2, round(usual * given.compute_multiplier))
        notes.append(
            f"compute_multiplier {given.compute_multiplier:g} → group_size {fields['group_size']} (completions per "
            f"prompt; {usual} at 1)."
        )
    return Mapped(fields, (*notes, *_unmapped(given)))


def _unmapped(given: Hyperparameters) -> tuple[str, ...]:
    values = {key: getattr(given, key) for key in _NO_COUNTERPART}
    return tuple(
        f"{key} {value} has no counterpart: {_NO_COUNTERPART[key]}."
        for key, value in values.items()
        if value is not None
    )
