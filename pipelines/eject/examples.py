"""Rows as a stage learns from them, each as chat turns, as rendered text and as token ids.

A peer writes whichever of the three it reads to the same ids. Rows that are too long are left out, as the stage itself
leaves them out; numbers of them are told.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from graders.reward_model import conversation_ids
from pipelines.data.formats import label_copies
from pipelines.data.render import encode_prompt, render, render_prompt
from pipelines.data.rows import Message, Row, Rows
from pipelines.job import Job
from pipelines.models import Policy
from reward_models.examples import Pair

Ids = Mapping[str, tuple[list[int], list[int]]]
"""Side → the token ids of its prompt, and those of the answer; of a reward model all are the answer's."""


@dataclass(frozen=True, slots=True)
class Side:
    """One answer. text, ids: what follows the prompt, up to and with the stop token."""

    turn: Message
    text: str
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Example:
    """One row. prompt, prompt_ids: what an answer starts from. sides: `completion`, or `chosen` and `rejected`; none
    where answers are sampled. label: a thumb up or down. row: where it comes from, for rewards."""

    messages: tuple[Message, ...]
    prompt: str
    prompt_ids: list[int]
    sides: Mapping[str, Side] = field(default_factory=dict)
    tools: tuple[Mapping[str, Any], ...] = ()
    label: bool | None = None
    margin: float | None = None
    row: Row | None = None

    @property
    def ids(self) -> Ids:
        """What the stage here learns from; where answers are sampled, the prompt alone, under ""."""
        return {side: (self.prompt_ids, one.ids) for side, one in self.sides.items()} or {"": (self.prompt_ids, [])}

    @property
    def rendered(self) -> dict[str, Any]:
        """As a row of text for a peer that adds nothing to it."""
        label = {} if self.label is None else {"label": self.label}
        return {"prompt": self.prompt, **{side: one.text for side, one in self.sides.items()}, **label}

    @property
    def longest(self) -> int:
        return len(self.prompt_ids) + max((len(side.ids) for side in self.sides.values()), default=0)


@dataclass(frozen=True, slots=True)
class Learned:
    """Of a part of the data. too_long: how many rows were left out."""

    examples: tuple[Example, ...]
    too_long: int

    @property
    def longest(self) -> int:
        return max(example.longest for example in self.examples)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads rows as the stage of a job does; limit: tokens of the longest that it learns from."""

    job: Job
    policy: Policy
    limit: int

    @property
    def template_args(self) -> Mapping[str, Any]:
        return self.job.plan.model.template_args

    def demonstrations(self, rows: Rows, balance: Literal["none", "label"] = "none") -> Learned:
        """Of SFT; a rare label's rows are repeated as `balance` says."""
        worked = [row for row in rows.rows if row.demonstration is not None]
        found = self._fitting(worked, lambda row: self._example(row, {"completion": row.answer}))
        if balance == "none":
            return found
        kept = [example.row for example in found.examples if example.row is not None]
        copied = zip(found.examples, label_copies(kept), strict=True)
        return Learned(tuple(example for example, count in copied for _ in range(count)), found.too_long)

    def pairs(self, rows: Rows) -> Learned:
        """Of DPO."""
        return self._fitting(
            rows.rows, lambda row: self._example(row, {"chosen": str(row.chosen), "rejected": str(row.rejected)})
        )

    def marked(self, rows: Rows) -> Learned:
        """Of KTO."""
        return self._fitting(
            rows.rows, lambda row: self._example(row, {"completion": str(row.completion)}, bool(row.desirable))
        )

    def prompts(self, rows: Rows) -> Learned:
        """Of RL: prompts alone."""
        return self._fitting(rows.rows, self._prompt)

    def conversations(self, pairs: Iterable[Pair]) -> Learned:
        """Of a reward model, which reads whole conversations; a tie stands in both orders."""
        made = [self._conversation(pair, *sides) for pair in pairs for sides in _orders(pair)]
        return _kept(made, self.limit)

    def _fitting(self, rows: Iterable[Row], made: Callable[[Row], Example]) -> Learned:
        return _kept([made(row) for row in rows], self.limit)

    def _example(self, row: Row, answers: Mapping[str, str | Message], label: bool | None = None) -> Example:
        tokenizer = self.policy.tokenizer
        sides, prompt, prompt_ids = {}, "", []
        for name, answer in answers.items():
            found = render(tokenizer, row.messages, answer, self.template_args, row.tools)
            ids, start = found.encoded.input_ids, found.encoded.prompt_len
            prompt, prompt_ids = found.prompt, ids[:start]
            sides[name] = Side(_turn(answer), found.answer, ids[start:])
        return Example(row.messages, prompt, prompt_ids, sides, row.tools, label, row=row)

    def _prompt(self, row: Row) -> Example:
        read = (self.policy.tokenizer, row.messages, self.template_args, row.tools)
        return Example(row.messages, render_prompt(*read), encode_prompt(*read), row=row)

    def _conversation(self, pair: Pair, chosen: str, rejected: str) -> Example:
        tokenizer = self.policy.tokenizer
        turns = {name: _turn(text) for name, text in (("chosen", chosen), ("rejected", rejected))}
        texts = {
            name: str(tokenizer.apply_chat_template([*map(dict, pair.messages), turn], tokenize=False))
            for name, turn in turns.items()
        }
        begin = str(
            tokenizer.apply_chat_template([*map(dict, pair.messages)], tokenize=False, add_generation_prompt=True)
        )
        shared = _shared([begin, *texts.values()])
        ids = conversation_ids(tokenizer, pair.messages, chosen), conversation_ids(tokenizer, pair.messages, rejected)
        sides = {
            name: Side(turns[name], texts[name].removeprefix(shared), one) for name, one in zip(turns, ids, strict=True)
        }
        return Example(tuple(pair.messages), shared, [], sides, margin=pair.margin)


def _turn(answer: str | Message) -> Message:
    return {"role": "assistant", "content": answer} if isinstance(answer, str) else answer


def _shared(texts: list[str]) -> str:
    """How all of them begin."""
    ends = (place for place, letters in enumerate(zip(*texts, strict=False)) if len(set(letters)) > 1)
    return texts[0][: next(ends, min(map(len, texts)))]


def _orders(pair: Pair) -> Iterable[tuple[str, str]]:
    yield pair.chosen, pair.rejected
    if pair.tie:
        yield pair.rejected, pair.chosen


def _kept(made: list[Example], limit: int) -> Learned:
    kept = tuple(example for example in made if example.longest <= limit)
    return Learned(kept, len(made) - len(kept))
