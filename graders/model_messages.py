"""OpenAI's model graders, the part that `score_model` and `label_model` share: messages with templates, and settings.

A message is {role, content}, with content a template or parts of input_text or output_text. Pictures and sound are
refused: nothing here could show them to a judge. `developer` is sent as `system`, which every server knows.
Source: OpenAI's guide "Graders" and its openapi.yaml (2026-08), EvalItem and GraderScoreModel.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from graders.base import Sample
from graders.llm.chat import Form, Question
from graders.template import fill_all

_TEXT_PARTS = {"input_text", "output_text", "text"}


def _as_text(content: object) -> object:
    if isinstance(content, Mapping):
        content = [content]
    if not isinstance(content, list | tuple):
        return content
    texts = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            kind = part.get("type") if isinstance(part, Mapping) else part
            raise ValueError(f"a text, or a part of type input_text, is expected; {kind!r} cannot be shown to a judge")
    return "\n".join(texts)


class Message(BaseModel):
    """One message to the judge; its content is a template."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_as_text)]
    type: Literal["message"] = "message"


class SamplingParams(BaseModel):
    """How the judge samples. Temperature 0 and a seed unless told otherwise, so that the same text gets the same grade.

    OpenAI's own default temperature is 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(0.0, ge=0, le=2, description="None: the server's own default.")
    seed: int | None = Field(0, description="None: none is sent.")
    top_p: float | None = Field(None, gt=0, le=1)
    max_completions_tokens: int = Field(
        4096,
        ge=1,
        validation_alias=AliasChoices("max_completions_tokens", "max_completion_tokens"),
        description="Length of the judge's answer, its reasoning included.",
    )
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None

    def settings(self) -> dict[str, Any]:
        """By their names in a request."""
        given = self.model_dump(exclude={"max_completions_tokens"}, exclude_none=True)
        return {**given, "max_completion_tokens": self.max_completions_tokens}


def question(messages: Sequence[Message], sample: Sample, form: Form, sampling: SamplingParams) -> Question:
    """The messages, filled. Raises MissingVariable."""
    texts = fill_all([message.content for message in messages], sample)
    roles = ["system" if message.role == "developer" else message.role for message in messages]
    return Question(tuple(zip(roles, texts, strict=True)), form, sampling.settings())


def stepwise(name: str, result: Mapping[str, Any]) -> Form:
    """OpenAI's form of a verdict: the steps that led to it, then the result."""
    step = {
        "type": "object",
        "properties": {"description": {"type": "string"}, "conclusion": {"type": "string"}},
        "required": ["description", "conclusion"],
        "additionalProperties": False,
    }
    properties = {"steps": {"type": "array", "items": step}, "result": dict(result)}
    required = list(properties)
    return Form(name, {"type": "object", "properties": properties, "required": required, "additionalProperties": False})


def conclusions(verdict: Mapping[str, Any]) -> str:
    """What the steps of a verdict concluded, for a reason."""
    steps = verdict["steps"] if isinstance(verdict["steps"], list) else []
    said = [str(step.get("conclusion") or step.get("description") or "") for step in steps if isinstance(step, Mapping)]
    return "; ".join(text for text in said if text.strip()) or "no steps given"
