"""Everything that is known of some preferences, in one value: what the checks of an audit read."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from graders.errors import UserError
from pipelines.data.rows import Finding, Row, Rows, Split
from pipelines.data.spec import SplitSpec
from pipelines.data.split import prompt_hash, split_rows
from pipelines.preferences.answers import Answer
from pipelines.preferences.pairs import answer_rows, answer_table
from pipelines.preferences.votes import Numbered, Vote, votes_of


@dataclass(frozen=True, slots=True)
class Collected:
    """pairs: every row, those that give no pair too; of answers, the pairs they decide.

    split: the parts as a plan would make them, None where there are too few prompts to split. unreadable: what the
    reading of an answers file found.
    """

    pairs: Rows
    votes: tuple[Vote, ...]
    answers: tuple[Numbered, ...] = ()
    split: Split | None = None
    unreadable: tuple[Finding, ...] = ()

    @property
    def source(self) -> str:
        return self.pairs.source

    def decided(self) -> list[Row]:
        """The pairs that training would take."""
        return [row for row in self.pairs.rows if row.chosen is not None and row.rejected is not None]


def collected_answers(
    source: str, answers: Iterable[Numbered], parts: Split | None, unreadable: tuple[Finding, ...] = ()
) -> Collected:
    """Of people's answers. parts: a plan's, whose prompts say where a pair belongs; None: as a new plan would split."""
    answers = tuple(answers)
    pairs = answer_table(source, [row for number, answer in answers for row in _whole(number, answer)])
    split = _parted(pairs, parts) if parts else split_or_none(pairs)
    return Collected(pairs, tuple(votes_of(answers)), answers, split, unreadable)


def split_or_none(pairs: Rows, spec: SplitSpec | None = None) -> Split | None:
    """The parts that a plan makes; None where one of them would be empty."""
    try:
        return split_rows(pairs, spec or SplitSpec())
    except UserError:
        return None


def _whole(number: int, answer: Answer) -> list[Row]:
    """With all of the pair among the columns, so that only what is the same throughout counts as repeated."""
    asked = [turn.content for turn in answer.messages]
    return [
        replace(row, columns={**row.columns, "prompt": asked, "chosen": row.chosen, "rejected": row.rejected})
        for row in answer_rows(number, answer)
    ]


def _parted(pairs: Rows, split: Split) -> Split:
    held = [{prompt_hash(row) for row in part.rows} for part in (split.train, split.validation, split.test)]
    parts = [pairs.only(row for row in pairs.rows if prompt_hash(row) in prompts) for prompts in held]
    return Split(parts[0], parts[1], parts[2], split.notes)
