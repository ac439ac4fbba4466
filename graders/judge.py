"""judge: a language model reads the completion and scores it by your criteria, or compares it with another answer.

In: `criteria`, or a `prompt_file` with criteria and examples (see graders/judge_prompt.py); the prompt, the completion,
the reference where the row has one, and the row's `columns`. Out: the judge's score on `range`, scaled to [0, 1]. With
`compare_with` it is asked twice, with the completion shown first and second: 1 for a win, 0.5 for a tie, 0 for a loss,
averaged; a judge that prefers a place gives 0.5, and `parts` shows it.
The model runs behind any OpenAI-compatible server, or here (`server: {local: true}`). What it answers is kept on disk.
An empty completion is 0 without a call. An answer that cannot be read, a refusal and a server that is down are
unscored. Longer completions than 60,000 characters are shown without their middle.
On judges, their bias for a place and for length: Zheng et al. 2023, arXiv:2306.05685.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.judge_prompt import JudgePrompt, PairExample, check_examples, pair_question, read_prompt, score_question
from graders.llm.chat import Question
from graders.llm.fence import as_text, cut_in_the_middle
from graders.llm.grading import Unreadable, Verdicts, grade_by_model
from graders.llm.server import Server
from graders.llm.verdict import number
from graders.ranges import Range
from graders.texts import short

_OWN_NAMES = {"prompt", "completion", "reference", "answer_1", "answer_2"}
_POINTS = {"win": 1.0, "tie": 0.5, "loss": 0.0}


class Judge(Grader):
    """A model scores the completion, or compares it with another answer in both orders."""

    type: Literal["judge"] = "judge"
    model: str = Field(
        min_length=1, description="The judge, by the name its server knows; a folder or hub id if local."
    )
    server: Server = Field(Server(), description="Where the judge runs.")
    criteria: str | None = Field(None, min_length=1, description="What a good answer is, in your words.")
    prompt_file: str | None = Field(None, description="A YAML file with criteria and examples, instead of criteria.")
    compare_with: str | None = Field(
        None, description="Compare instead of score: with the `reference`, or with the answer in this column."
    )
    columns: tuple[str, ...] = Field((), description="Columns of the row that the judge sees too.")
    range: Range = Field((1.0, 5.0), description="Lowest and highest score.")
    max_tokens: int = Field(1024, ge=16, description="Length of the judge's answer, its reasoning included.")

    _prompt: JudgePrompt | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        """Reads the prompt file, from the folder that the context names, else the current one."""
        if (self.criteria is None) == (self.prompt_file is None):
            raise ValueError("give criteria or prompt_file, one of them")
        if taken := _OWN_NAMES & set(self.columns):
            raise ValueError(f"columns: {', '.join(sorted(taken))} is a name of the judge's own; rename the column")
        folder = Path((info.context or {}).get("folder", "."))
        self._prompt = (
            read_prompt(folder / self.prompt_file) if self.prompt_file else JudgePrompt(criteria=str(self.criteria))
        )
        check_examples(self._prompt, self.range if self.compare_with is None else None)
        return self

    def comparing(self) -> Self:
        """This judge, comparing the completion with the sample's reference; examples of scores are left out."""
        assert self._prompt is not None
        judge = self.model_copy(update={"compare_with": "reference"})
        pairs = tuple(example for example in self._prompt.examples if isinstance(example, PairExample))
        judge._prompt = self._prompt.model_copy(update={"examples": pairs})
        return judge

    def files(self) -> tuple[str, ...]:
        """The prompt file, and the folder of a local model."""
        return (*((self.prompt_file,) if self.prompt_file else ()), *self.server.files(self.model))

    def grade(self, sample: Sample) -> Grade:
        return self.grade_all([sample])[0]

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        """All samples in one batch. Raises UserError where nothing can be asked."""
        assert self._prompt is not None
        prompt = self._prompt
        ask = self._scored if self.compare_with is None else self._compared
        read = self._score if self.compare_with is None else _winner
        return grade_by_model(self.model, self.server, samples, lambda sample: ask(prompt, sample), read)

    def _scored(self, prompt: JudgePrompt, sample: Sample) -> list[Question] | Grade:
        if not sample.completion.strip():
            return Grade(0.0, "the completion is empty", raw=self.range[0])
        shown = self._context(sample)
        if isinstance(shown, Grade):
            return shown
        if sample.reference is not None:
            shown["reference"] = as_text(sample.reference)
        shown["completion"] = cut_in_the_middle(sample.completion)
        return [score_question(prompt, self.range, shown, self.max_tokens)]

    def _score(self, _: Sample, verdicts: Verdicts) -> Grade:
        low, high = self.range
        raw = number(verdicts[0]["score"])
        if raw is None or not low <= raw <= high:
            raise Unreadable(f"{short(verdicts[0]['score'])} is no score on [{low:g}, {high:g}]")
        return Grade((raw - low) / (high - low), f"the judge: {_reason(verdicts[0])}", raw=raw)

    def _compared(self, prompt: JudgePrompt, sample: Sample) -> list[Question] | Grade:
        other = sample.reference if self.compare_with == "reference" else sample.row.get(str(self.compare_with))
        if other is None or not as_text(other).strip():
            return unscored(f"the row has no {self.compare_with} to compare with", "invalid_variable_error")
        if not sample.completion.strip():
            return Grade(0.0, "the completion is empty")
        if sample.completion.strip() == as_text(other).strip():
            return Grade(0.5, "both answers are the same text")
        shown = self._context(sample)
        if isinstance(shown, Grade):
            return shown
        pair = cut_in_the_middle(sample.completion), as_text(other)
        orders = [{**shown, "answer_1": first, "answer_2": second} for first, second in (pair, pair[::-1])]
        return [pair_question(prompt, texts, self.max_tokens) for texts in orders]

    def _context(self, sample: Sample) -> dict[str, str] | Grade:
        lacking = [name for name in self.columns if sample.row.get(name) is None]
        if lacking:
            return unscored(f"the row has no {', '.join(lacking)}", "invalid_variable_error")
        return {"prompt": sample.prompt} | {name: as_text(sample.row[name]) for name in self.columns}


def _winner(_: Sample, verdicts: Verdicts) -> Grade:
    results = []
    for verdict, mine, other in zip(verdicts, ("1", "2"), ("2", "1"), strict=True):
        outcomes = {mine: "win", other: "loss", "tie": "tie"}
        winner = str(verdict["winner"])
        if winner not in outcomes:
            raise Unreadable(f"{short(winner)} is no winner: 1, 2 or tie")
        results.append(outcomes[winner])
    parts = dict(zip(("shown first", "shown second"), (_POINTS[result] for result in results), strict=True))
    first, second = results
    said = f"a {first} in both orders" if first == second else f"a {first} when shown first, a {second} when second"
    return Grade(sum(parts.values()) / 2, f"{said}; the judge: {_reason(verdicts[0])}", parts=parts)


def _reason(verdict: dict[str, object]) -> str:
    return short(str(verdict["reason"]), 300)
