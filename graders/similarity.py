"""similarity: how alike the completion is to the reference, by a metric for translations, summaries or near copies.

In: a completion; a reference that is a text, a number or a list of accepted ones. Out: the metric's number for the most
alike reference; 1 where the completion is that reference but for spaces at its ends (`raw` keeps the metric's number:
METEOR is a little under 1 there). A reference too short for the metric, such as three words for rouge_4, is none.
See graders/text_metrics.py for what each metric is, and how much of a long text it reads.
Limits: likeness is not truth: "is safe" and "is not safe" are much alike. Set `pass_at`, or only copies pass.
"""

from typing import Literal

from pydantic import Field, field_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.text_metrics import METRICS, NO_COSINE, Metric, cut_note
from graders.texts import accepted_references, short


class Similarity(Grader):
    """Credit for likeness to the nearest accepted reference."""

    type: Literal["similarity"] = "similarity"
    metric: Metric = Field(
        "rouge_l",
        description="rouge_l: words in common, in order; rouge_1 to rouge_5, bleu, gleu, meteor, fuzzy_match.",
    )

    @field_validator("metric", mode="before")
    @classmethod
    def _no_cosine(cls, metric: object) -> object:
        if metric == "cosine":
            raise ValueError(NO_COSINE)
        return metric

    def grade(self, sample: Sample) -> Grade:
        references = accepted_references(sample.reference)
        if not references:
            return unscored(f"the reference {short(sample.reference)} is no text, number or list of them")
        measured = [(self._likeness(sample.completion, reference), reference) for reference in references]
        usable = [(likeness, reference) for likeness, reference in measured if likeness is not None]
        if not usable:
            return unscored(f"the reference {short(references[0])} is too short for {self.metric}")
        (score, raw), reference = max(usable, key=lambda pair: pair[0])
        said = f"{self.metric} {raw:.3f} with the reference {short(reference)}"
        if score != raw:
            said = f"equals the reference {short(reference)} ({self.metric} {raw:.3f})"
        cut = cut_note(self.metric, sample.completion, reference)
        return Grade(score, f"{said}; {cut}" if cut else said, extracted=sample.completion[:1000], raw=raw)

    def _likeness(self, completion: str, reference: str) -> tuple[float, float] | None:
        """(score, the metric's number); None where the metric finds nothing in the reference to compare."""
        measure = METRICS[self.metric]
        raw = measure(completion, reference)
        if not raw and not measure(reference, reference):
            return None
        return (1.0 if completion.strip() == reference.strip() else raw), raw
