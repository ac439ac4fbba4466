"""Which prompts RL answers next: each in its turn, those whose answers were all worth the same only now and then.

A prompt that is always or never solved teaches nothing (its group has no spread). After its turn a prompt stands behind
all that had fewer turns; a group without spread counts as RARELY turns (stride scheduling, Waldspurger & Weihl 1995).
So the first pass sees every prompt once, and later passes are mostly of prompts that still teach.

The order depends on the seed and on the results alone, of which a draw knows all but those of the generation before it:
the loader asks for its prompts while that one is trained. The results stand in each checkpoint: resume is exact.
"""

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from graders.errors import UserError

RARELY = 4
"""How many turns a group without spread counts for. On the starter half of such prompts have spread the next time, so
they are not worthless; three passes of 4 turns fall from 22 to 13 % of groups without spread, and 8 or 16 turns gain
nothing more before the fourth pass (docs/experiments.md)."""
LAG = 2
"""A generation's prompts are drawn before the results of the one before it are known."""


class PromptQueue(TrainerCallback, ExportableState):  # type: ignore[misc]  # transformers is untyped here
    """A sampler for TRL's loader: num_prompts prompts, `size` a generation, each `copies` times, `repeats` times over.

    generations: how many there will be at most; all training is one pass over this sampler.
    """

    def __init__(self, num_prompts: int, size: int, copies: int, repeats: int, generations: int, seed: int) -> None:
        self._num_prompts, self._size, self._copies, self._repeats = num_prompts, size, copies, repeats
        self._generations, self._seed = generations, seed
        self._spreadless: list[list[int]] = []  # for each generation that was graded

    def __len__(self) -> int:
        return self._generations * self._repeats * self._size * self._copies

    def __iter__(self) -> Iterator[int]:
        for prompts in self.draws():
            for _ in range(self._repeats):
                yield from (place for place in prompts for _ in range(self._copies))

    def draws(self) -> Iterator[list[int]]:
        """The prompts of each generation, drawn when asked for."""
        turns = [0] * self._num_prompts
        for number in range(self._generations):
            if number >= LAG:
                for place in self._known(number - LAG):
                    turns[place] += RARELY - 1
            drawn = foremost(turns, self._size, random.Random(f"{self._seed}/{number}"))
            for place in drawn:
                turns[place] += 1
            yield drawn

    def _known(self, number: int) -> list[int]:
        if number >= len(self._spreadless):
            raise UserError("prompts were asked for too early", fix="leave dataloader_num_workers out of `trainer:`")
        return self._spreadless[number]

    def tell(self, places: Sequence[int], rewards: Sequence[float]) -> None:
        """The rewards of one whole generation, from all processes; NaN where the grader could not judge."""
        known: dict[int, set[float]] = {place: set() for place in places}
        for place, reward in zip(places, rewards, strict=True):
            if not math.isnan(reward):
                known[place].add(reward)
        self._spreadless.append([place for place, values in known.items() if len(values) < 2])

    def state(self) -> dict[str, Any]:
        return {"args": {}, "attributes": {"spreadless": self._spreadless}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        kept = state.stateful_callbacks.get(type(self).__name__, {})
        if state.global_step > 0 and isinstance(kept, dict):
            self._spreadless = [list(places) for places in kept["attributes"]["spreadless"]]


def foremost(turns: Sequence[int], size: int, draw: random.Random) -> list[int]:
    """`size` places with the fewest turns, in random order among equals."""
    chance = [draw.random() for _ in turns]
    return heapq.nsmallest(size, range(len(turns)), key=lambda place: (turns[place], chance[place]))
