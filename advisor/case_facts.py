"""A facts file → Facts: what `advise --facts` decides from, without data and without a model.

Keys as in published tables of cases, `null` for unknown; a key that is left out is unknown too. What identifies a case
or says how it came out (id, source, methods_in_order, result, notes) may stand in the file and is never looked at.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from advisor.facts import Facts
from graders.errors import UserError
from graders.faults import said
from pipelines.data.table import did_you_mean, listed

NOT_FACTS = frozenset({"id", "source", "methods_in_order", "result", "notes"})
_FIELDS = {
    "labelled_examples": "labels",
    "has_ground_truth": "ground_truth",
    "cot_helps": "reasoning_helps",
    "judge": "judged",
    "reward_model_passed": "reward_model",
    "unpaired_prompts": "unpaired",
}
"""What a key is called among the facts, where that differs."""
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class CaseFacts(BaseModel):
    """The file. None: unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    task: str | None = Field(None, description="What the model is to do, in a sentence.")
    labelled_examples: Count | None = Field(None, description="Rows with a target for SFT or a reference answer.")
    has_ground_truth: bool | None = Field(None, description="Each row has a right answer, a reference or a test.")
    verifiable: bool | None = Field(None, description="A program can decide whether an answer is right.")
    cot_helps: bool | None = Field(None, description="Thinking step by step makes answers better.")
    preference_data: bool | Count | None = Field(None, description="Whether there are preferences, or how many.")
    base_score: Share | None = Field(None, description="What the model scores now.")
    prompts: Count | None = Field(None, description="Different prompts at hand.")
    demonstrations: bool | None = Field(None, description="The answers show how, not only the result.")
    teacher: bool | None = Field(None, description="A stronger model wrote, or can write, the demonstrations.")
    judge: bool | None = Field(None, description="No program can grade an answer, but a judge with a rubric can.")
    format_new: bool | None = Field(None, description="The task or its format is new to the model.")
    instruct: bool | None = Field(None, description="The model is instruction-tuned, not a bare base model.")
    guess_rate: Share | None = Field(None, description="Share of rows that one constant answer gets right.")
    contradictions: Share | None = Field(None, description="Share of the rows that contradict another row.")
    prompted_score: Share | None = Field(None, description="Score with the best prompt that was tried.")
    target: Share | None = Field(None, description="The score that is good enough.")
    test_rows: Count | None = Field(None, description="Rows that will prove the gain.")
    wanted_gain: Share | None = Field(None, description="The gain that is to be seen on them.")
    reward_model_passed: bool | None = Field(None, description="A reward model on the pairs passed its gate.")
    unpaired_prompts: Count | None = Field(None, description="Prompts that no pair answers.")
    hours: Annotated[float, Field(gt=0)] | None = Field(None, description="What training may take.")
    model: str | None = Field(None, description="The model's name.")


def read_facts(path: Path) -> Facts:
    """Raises UserError for a file that cannot be read, with every fault at once."""
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the facts cannot be read: {error}", "a YAML or JSON file", where=str(path)) from error
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise UserError(f"the facts cannot be parsed: {error}", "one mapping", where=str(path)) from error
    if not isinstance(found, dict):
        raise UserError("the file is no mapping of facts", "keys such as labelled_examples", where=str(path))
    return facts_of(found, str(path))


def facts_of(found: dict[str, Any], where: str = "facts") -> Facts:
    """The facts of one case."""
    try:
        case = CaseFacts.model_validate({key: value for key, value in found.items() if key not in NOT_FACTS})
    except ValidationError as error:
        faults = "; ".join(_fault(fault["loc"][0], said(fault)) for fault in error.errors())
        raise UserError(faults, f"keys: {listed(CaseFacts.model_fields)}; null for unknown", where=where) from None
    return _facts(case)


def _fault(key: object, fault: str) -> str:
    if key in CaseFacts.model_fields:
        return f"{key} {fault}"
    return " ".join([f"there is no fact {key!r}", did_you_mean(str(key), CaseFacts.model_fields)]).strip()


def _facts(case: CaseFacts) -> Facts:
    told = {_FIELDS.get(key, key): value for key, value in case if value is not None}
    unknown: dict[str, Any] = {"prompts": None, "labels": None, "demonstrations": None, "verifiable": None}
    preferences = told.pop("preference_data", None)
    if preferences is not None:
        told |= {"pairs": 0 if isinstance(preferences, bool) else preferences, "compared": preferences is True}
    return Facts(**{**unknown, "grader": "custom", **told}, origins=dict.fromkeys(told, "told"))
