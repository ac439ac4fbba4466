"""score_model: OpenAI's model grader; a model reads your messages and gives a number on `range`.

In: `input`, messages with templates such as {{sample.output_text}} and {{item.answer}}; a Sample. Out: the number, cut
to `range` (OpenAI's default is [0, 1]) and scaled to [0, 1]; `raw` is it before scaling. The model must answer
{"steps": [...], "result": number}, as OpenAI makes it.
Two differences from OpenAI: an answer that holds no number is unscored, where OpenAI gives the model a 0; and the
temperature is 0 unless sampling_params says otherwise. The server is not in OpenAI's JSON: it is read from
OPENAI_BASE_URL and OPENAI_API_KEY, or from our own key `server`.
Source: OpenAI's guide "Graders" and its openapi.yaml (2026-08), GraderScoreModel.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from graders.base import Grade, Grader, Sample
from graders.llm.chat import Question
from graders.llm.grading import Unreadable, Verdicts, grade_by_model
from graders.llm.local import is_folder
from graders.llm.server import Server
from graders.llm.verdict import number
from graders.model_messages import Message, SamplingParams, conclusions, question, stepwise
from graders.ranges import UNIT, Range, threshold_as_pass_at
from graders.template import MissingVariable, reads
from graders.texts import short

_FORM = stepwise("float_score_classification", {"type": "number"})


class ScoreModel(Grader):
    """A model's number for your messages. OpenAI's `score_model`."""

    type: Literal["score_model"] = "score_model"
    name: str | None = Field(None, description="A name of your choice.")
    model: str = Field(min_length=1, description="The judge, by the name its server knows.")
    input: tuple[Message, ...] = Field(min_length=1, description="Messages to the judge, with templates.")
    range: Range = Field(UNIT, description="Lowest and highest number; what lies outside is cut.")
    sampling_params: SamplingParams = Field(SamplingParams(), description="How the judge samples.")
    server: Server = Field(Server(), description="Where the judge runs; not in OpenAI's JSON.")

    @model_validator(mode="before")
    @classmethod
    def _threshold(cls, fields: Any) -> Any:
        return threshold_as_pass_at(fields)

    @property
    def needs_reference(self) -> bool:
        """Whether the row is read at all."""
        return reads("item", *(message.content for message in self.input))

    def files(self) -> tuple[str, ...]:
        """The folder of a local model."""
        return (self.model,) if self.server.local and is_folder(self.model) else ()

    def grade(self, sample: Sample) -> Grade:
        return self.grade_all([sample])[0]

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        """All samples in one batch. Raises UserError where nothing can be asked."""
        return grade_by_model(self.model, self.server, samples, self._ask, self._read)

    def _ask(self, sample: Sample) -> list[Question] | Grade:
        try:
            return [question(self.input, sample, _FORM, self.sampling_params)]
        except MissingVariable as missing:
            return missing.grade()

    def _read(self, _: Sample, verdicts: Verdicts) -> Grade:
        low, high = self.range
        given = number(verdicts[0]["result"])
        if given is None or not math.isfinite(given):
            raise Unreadable(f"{short(verdicts[0]['result'])} is no number")
        raw = min(high, max(low, given))
        cut = "" if raw == given else f" (cut from {given:g} to [{low:g}, {high:g}])"
        reason = f"the judge gives {raw:g}{cut}: {short(conclusions(verdicts[0]), 300)}"
        return Grade((raw - low) / (high - low), reason, raw=raw)
