"""label_model: OpenAI's classifier; a model gives one of `labels`, and the `passing_labels` score 1.

In: `input`, messages with templates; a Sample. Out: 1 or 0; `extracted` is the label. The model must answer
{"steps": [...], "result": label}; a label that is not in the list is unscored. OpenAI has it for evals and inside of
`multi`. The server is found as `score_model` finds it.
Source: OpenAI's guide "Graders" and its openapi.yaml (2026-08), GraderLabelModel.
"""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from graders.base import Grade, Grader, Sample
from graders.llm.chat import Question
from graders.llm.grading import Unreadable, Verdicts, grade_by_model
from graders.llm.local import is_folder
from graders.llm.server import Server
from graders.model_messages import Message, SamplingParams, conclusions, question, stepwise
from graders.template import MissingVariable, reads
from graders.texts import short


class LabelModel(Grader):
    """1 where a model gives the answer one of the passing labels. OpenAI's `label_model`."""

    type: Literal["label_model"] = "label_model"
    name: str | None = Field(None, description="A name of your choice.")
    model: str = Field(min_length=1, description="The judge, by the name its server knows.")
    input: tuple[Message, ...] = Field(min_length=1, description="Messages to the judge, with templates.")
    labels: tuple[str, ...] = Field(min_length=1, description="What the judge may say.")
    passing_labels: tuple[str, ...] = Field(min_length=1, description="The labels that score 1.")
    sampling_params: SamplingParams = Field(
        SamplingParams(), description="How the judge samples; not in OpenAI's JSON."
    )
    server: Server = Field(Server(), description="Where the judge runs; not in OpenAI's JSON.")

    @model_validator(mode="after")
    def _labels_are_known(self) -> Self:
        if unknown := [label for label in self.passing_labels if label not in self.labels]:
            raise ValueError(f"passing_labels: {', '.join(unknown)} is not among the labels {', '.join(self.labels)}")
        return self

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
        form = stepwise("label", {"type": "string", "enum": list(self.labels)})
        try:
            return [question(self.input, sample, form, self.sampling_params)]
        except MissingVariable as missing:
            return missing.grade()

    def _read(self, _: Sample, verdicts: Verdicts) -> Grade:
        label = verdicts[0]["result"]
        if label not in self.labels:
            raise Unreadable(f"{short(label)} is not among the labels {', '.join(self.labels)}")
        passing = label in self.passing_labels
        said = f"{'a' if passing else 'no'} passing label: {short(conclusions(verdicts[0]), 300)}"
        return Grade(float(passing), f"the judge says {short(label)}, {said}", extracted=label)
