"""A policy's answers to the rows of a probe, part by part: greedy in each style, drawn to the rows as they are.

What was answered before a stop is kept in the job's folder, a file for each part of each style. Several processes share
the rows of each part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from graders.base import Grader
from graders.errors import UserError
from pipelines import sizing
from pipelines.answering import answerer
from pipelines.data.rows import Row
from pipelines.evals.grades import GradedRow
from pipelines.evals.score import grade_groups, grade_together
from pipelines.job import Job
from pipelines.plan import Probe
from pipelines.prompt_styles import Style, asked, follows, read
from pipelines.sampling import Completion, Sampling

GENEROUS = 512
"""Tokens of a greedy answer at least: a style must not lose because it was cut (TRL's default length)."""


@dataclass(slots=True)
class Answers:
    """Greedy answers in one style, graded, in the rows' order; followed: how many did as the style asks."""

    graded: list[GradedRow] = field(default_factory=list)
    followed: int = 0


class Asker:
    """limit: tokens at which drawn answers are cut. notes: what could not be asked, and why. shots: for few_shot."""

    def __init__(
        self, job: Job, rows: Sequence[Row], train: Sequence[Row], shots: Sequence[Row], grader: Grader
    ) -> None:
        self._job, self._stage, self._grader = job, job.config(Probe), grader
        use: Literal["answer", "draw"] = "answer" if self._stage.styles else "draw"
        self.model = answerer(job, self._stage.served, self._stage.max_new_tokens, train, use)
        self.limit = self.model.limit
        self.notes: list[str] = []
        self._shots = list(shots)
        self._limits = {style: self._room(style, rows) for style in self._wanted()}
        self.styles: list[Style] = [style for style, room in self._limits.items() if room >= self.limit]
        self.total = len(rows) * (len(self.styles) + self._stage.samples_per_prompt)
        self.done = 0
        self.resumed = any(job.folder.glob("answers-*.jsonl"))

    def _wanted(self) -> list[Style]:
        return ["direct", *self._stage.styles] if self._stage.styles else []

    def _room(self, style: Style, rows: Sequence[Row]) -> int:
        """Tokens of an answer in this style; fewer than `limit` where it cannot be asked, which a note says then."""
        if style == "few_shot":
            while self._shots and self._left(style, rows) < self.limit:
                self._shots = self._shots[:-1]
            if not self._shots:
                self.notes.append(
                    "few_shot was not asked: no training row has an answer that can be shown in the context"
                )
                return 0
        left = self._left(style, rows)
        if style == "direct":  # always asked: the others are compared with it
            left = max(left, self.limit)
        if left < self.limit:
            self.notes.append(
                f"{style} was not asked: the model's template refuses it, or no room is left for an answer"
            )
        return min(left, self._stage.max_new_tokens or max(self.limit, GENEROUS))

    def _left(self, style: Style, rows: Sequence[Row]) -> int:
        """What the context leaves beside the longest prompt; 0 where the template refuses such turns."""
        try:
            return self.model.room([asked(row, style, self._shots) for row in rows]) - 1
        except UserError:
            if style == "direct":
                raise
            return 0

    def greedy(self, style: Style, rows: Sequence[Row], start: int, into: Answers) -> None:
        """Asks the rows in one style. start: how many were asked before."""
        settings = Sampling(self._limits[style], seed=self._job.plan.seed)
        answers = [one[0] for one in self._sample(style, rows, start, settings)]
        into.followed += sum(follows(style, row, answer) for row, answer in zip(rows, answers, strict=True))
        into.graded += grade_together(self._grader, rows, [read(style, answer) for answer in answers])

    def drawn(self, rows: Sequence[Row], start: int) -> list[list[GradedRow]]:
        """Draws answers to the rows as they are: a group for each."""
        stage = self._stage
        settings = Sampling(self.limit, stage.temperature, stage.samples_per_prompt, self._job.plan.seed + start)
        answers = self._sample("direct", rows, start, settings)
        return grade_groups(self._grader, rows, answers)

    def make_room(self, direct: Answers) -> None:
        """Cuts drawn answers no earlier than direct ones need, whatever the data say of their length."""
        tokens = tokens_needed(direct.graded)
        if tokens is not None and self._stage.max_new_tokens is None:
            self.limit = max(self.limit, min(tokens, self._limits["direct"]))

    def _sample(self, style: Style, rows: Sequence[Row], start: int, settings: Sampling) -> list[list[Completion]]:
        kind = style if settings.temperature == 0 else "drawn"
        kept = self._job.folder / f"answers-{kind}-{start}.jsonl"
        prompts = [asked(row, style, self._shots) for row in rows]
        with self._job.progress.part(self.done, self.total):
            found = self.model.shared_answers(prompts, settings, kept)
        self.done += len(rows) * settings.num_samples
        return found


def tokens_needed(graded: Sequence[GradedRow]) -> int | None:
    """As pipelines/sizing.py computes it from demonstrations, from finished answers; None where most were cut."""
    finished = [row.num_tokens for row in graded if not row.truncated]
    return sizing.answer_tokens(finished) if 2 * len(finished) > len(graded) else None
