"""exact_match: the completion equals one of the accepted references.

In: a completion; a reference that is a text, a number or a list of them. Out: 1 or 0.
Spaces at both ends never count. Limits: no partial credit; an answer
inside a sentence is wrong (see `choice`, `numeric`).
"""

import unicodedata
from typing import Literal

from pydantic import Field

from graders.base import Grade, Grader, Sample, unscored
from graders.texts import accepted_references, short


class ExactMatch(Grader):
    """Right when the whole completion equals a reference."""

    type: Literal["exact_match"] = "exact_match"
    ignore_case: bool = Field(True, description="Upper and lower case are the same.")
    ignore_space: bool = Field(True, description="A run of spaces and line ends is one space.")
    ignore_punctuation: bool = Field(False, description="Punctuation marks are left out on both sides.")

    def grade(self, sample: Sample) -> Grade:
        references = accepted_references(sample.reference)
        if not references:
            return unscored(f"the reference {short(sample.reference)} is no text, number or list of them")
        completion = sample.completion.strip()
        wanted = {self._normalised(reference.strip()) for reference in references}
        # Unicode normalisation is quadratic in a run of combining marks; nothing this much longer can be equal.
        too_long = len(completion) > 1000 + 8 * max(map(len, references))
        if not too_long and self._normalised(completion) in wanted:
            return Grade(1.0, f"equals the reference {short(completion)}", extracted=completion)
        others = f" or {len(references) - 1} others" if len(references) > 1 else ""
        return Grade(0.0, f"{short(completion)} is not {short(references[0])}{others}", extracted=completion[:1000])

    def _normalised(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        if self.ignore_case:
            text = text.casefold()
        if self.ignore_punctuation:
            text = "".join(char for char in text if not unicodedata.category(char).startswith("P"))
        return " ".join(text.split()) if self.ignore_space else text
