"""The order of RL's prompts: everyone in turn, those that teach nothing rarely, and the same after a resume."""

from collections import Counter
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from graders.errors import UserError
from pipelines.prompt_queue import RARELY, PromptQueue

DULL = set(range(6))
"""Prompts whose answers are always worth the same."""


def play(queue: PromptQueue, generations: int, from_: int = 0) -> list[list[int]]:
    """Draws as the loader does: the next generation's prompts before this one's results."""
    draws = queue.draws()
    drawn = [next(draws) for _ in range(from_)]
    following = next(draws)
    for number in range(from_, generations):
        prompts = following
        drawn.append(prompts)
        if number + 1 < generations:
            following = next(draws)
        places = [place for place in prompts for _ in range(2)]
        queue.tell(places, [0.0 if place in DULL else float(copy) for place in prompts for copy in range(2)])
    return drawn


def queue(generations: int = 40) -> PromptQueue:
    return PromptQueue(num_prompts=12, size=3, copies=2, repeats=1, generations=generations, seed=7)


def test_the_first_pass_sees_every_prompt_once() -> None:
    first = [place for prompts in play(queue(), 4) for place in prompts]
    assert sorted(first) == list(range(12))


def test_a_prompt_without_spread_is_drawn_rarely_but_is_drawn() -> None:
    drawn = Counter(place for prompts in play(queue(60), 60) for place in prompts)
    dull = [drawn[place] for place in DULL]
    lively = [drawn[place] for place in range(12) if place not in DULL]
    assert min(dull) >= 2
    assert max(dull) - 1 <= min(lively) / (RARELY - 2)
    assert max(lively) - min(lively) <= 1, "those that teach take equal turns"


def test_a_draw_never_holds_a_prompt_twice() -> None:
    assert all(len(set(prompts)) == 3 for prompts in play(queue(), 40))


def test_a_resumed_queue_draws_as_one_that_was_never_stopped() -> None:
    whole = play(queue(), 20)
    begun = queue()
    assert play(begun, 9) == whole[:9]
    resumed = queue()
    kept: dict[str, Any] = {"PromptQueue": begun.state()}
    resumed.on_train_begin(None, SimpleNamespace(stateful_callbacks=kept, global_step=9), None)
    assert play(resumed, 20, from_=9) == whole


def test_a_loader_that_asks_two_generations_ahead_is_refused() -> None:
    with pytest.raises(UserError, match="too early"):
        list(islice(queue().draws(), 3))


def test_each_prompt_stands_side_by_side_as_often_as_it_is_answered() -> None:
    sampler = PromptQueue(num_prompts=4, size=2, copies=3, repeats=2, generations=1, seed=0)
    order = list(sampler)
    assert len(order) == len(sampler) == 12
    assert order[:6] == order[6:]
    assert order[:3] == [order[0]] * 3


def test_answers_that_could_not_be_judged_are_no_spread() -> None:
    one = queue()
    one.tell([1, 1, 2, 2, 3, 3], [0.0, float("nan"), float("nan"), float("nan"), 0.0, 1.0])
    assert one.state()["attributes"]["spreadless"] == [[1, 2]]
