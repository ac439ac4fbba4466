"""text_similarity: how alike two texts are that templates fill, by one of OpenAI's metrics.

In: `input` and `reference`, each a template such as `{{sample.output_text}}`; a Sample. Out: a score in [0, 1]; see
graders/text_metrics.py for what each metric is, and how much of a long text it reads. An empty reference is unscored.
`cosine` is refused: it needs an embedder, and OpenAI has it for evals only.
Source: OpenAI's guide "Graders" and its openapi.yaml (2026-08), GraderTextSimilarity.
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.ranges import threshold_as_pass_at
from graders.template import MissingVariable, fill_all, reads
from graders.text_metrics import METRICS, NO_COSINE, cut_note
from graders.texts import short

Metric = Literal[
    "fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"
]


class TextSimilarity(Grader):
    """How alike two texts are, by the metric of this name. OpenAI's `text_similarity`."""

    type: Literal["text_similarity"] = "text_similarity"
    name: str | None = Field(None, description="A name of your choice.")
    input: str = Field(description="Template of the text that is graded, such as {{sample.output_text}}.")
    reference: str = Field(description="Template of the text it is compared with, such as {{item.answer}}.")
    evaluation_metric: Metric = Field(description="How the two are compared.")

    @model_validator(mode="before")
    @classmethod
    def _threshold(cls, fields: Any) -> Any:
        return threshold_as_pass_at(fields)

    @field_validator("evaluation_metric", mode="before")
    @classmethod
    def _no_cosine(cls, metric: Any) -> Any:
        if metric == "cosine":
            raise ValueError(NO_COSINE)
        return metric

    @property
    def needs_reference(self) -> bool:
        """Whether the row is read at all."""
        return reads("item", self.input, self.reference)

    def grade(self, sample: Sample) -> Grade:
        try:
            text, reference = fill_all((self.input, self.reference), sample)
        except MissingVariable as missing:
            return missing.grade()
        if not reference.strip():
            if reads("sample", self.reference):
                return Grade(0.0, "the model left the reference empty")
            return unscored("the reference is empty")
        score = METRICS[self.evaluation_metric](text, reference)
        said = f"{self.evaluation_metric} {score:.3f}: {short(text)} against {short(reference)}"
        cut = cut_note(self.evaluation_metric, text, reference)
        return Grade(score, f"{said}; {cut}" if cut else said, extracted=text[:1000])
