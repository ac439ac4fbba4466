"""The cells, written down before the first of them was run (2026-11-28). Rules may be changed on OPEN; HELD is for one
look after that.

A fractional design: each level of a factor meets several levels of the others, not all. Factors: what the task is
(steps in words help or not, a grader or only people's preferences), how many rows are labelled, how many prompts
there are beside them, how many labels are wrong, and what the model does before.
"""

from dataclasses import dataclass
from typing import Literal

Base = Literal["floor", "middle", "high"]
"""floor: the form of the answers is new to the model, so that it gets nothing right. middle: the task is half known.
high: the model was trained on two thousand rows of it before (for intent: the messages are those that it knows)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """labels: rows with an answer to imitate (for preferences: pairs). bare: further prompts with the right result
    alone. wrong: share of the labels, and of the results, that belong to another row. shown: the answers show steps,
    where the task has any; else the labels are results alone."""

    name: str
    task: str
    labels: int
    bare: int
    wrong: float
    base: Base
    seed: int
    shown: bool = True


OPEN: tuple[Cell, ...] = (
    Cell("sums-300", "arithmetic", 300, 300, 0.0, "middle", 101),
    Cell("sums-30", "arithmetic", 30, 570, 0.0, "middle", 102),
    Cell("sums-1500", "arithmetic", 1500, 0, 0.0, "middle", 103),
    Cell("sums-300-wrong", "arithmetic", 300, 300, 0.2, "middle", 104),
    Cell("sums-100-floor", "arithmetic", 100, 500, 0.0, "floor", 105),
    Cell("sums-300-high", "arithmetic", 300, 300, 0.0, "high", 106),
    Cell("sums-600-results", "arithmetic", 600, 0, 0.0, "middle", 107, shown=False),
    Cell("fields-300", "extract", 300, 0, 0.0, "middle", 108),
    Cell("fields-30", "extract", 30, 570, 0.0, "middle", 109),
    Cell("fields-300-floor-wrong", "extract", 300, 300, 0.2, "floor", 110),
    Cell("labels-100", "intent", 100, 0, 0.0, "middle", 111),
    Cell("labels-1500-wrong", "intent", 1500, 0, 0.2, "middle", 112),
    Cell("labels-300-ceiling", "intent", 300, 0, 0.0, "high", 113),
    Cell("pairs-1000", "tone", 1000, 0, 0.0, "middle", 114),
    Cell("pairs-300-wrong", "tone", 300, 600, 0.2, "middle", 115),
    Cell("mawps-300", "mawps", 300, 600, 0.0, "floor", 116),
)
HELD: tuple[Cell, ...] = (
    Cell("clock-300", "clock", 300, 300, 0.0, "middle", 201),
    Cell("clock-100-floor", "clock", 100, 500, 0.0, "floor", 202),
    Cell("clock-30-wrong", "clock", 30, 570, 0.2, "middle", 203),
    Cell("clock-600-results", "clock", 600, 0, 0.0, "middle", 204, shown=False),
    Cell("desk-300-floor", "desk", 300, 0, 0.0, "floor", 205),
    Cell("desk-1000-wrong", "desk", 1000, 0, 0.2, "middle", 206),
    Cell("table-30", "table", 30, 570, 0.0, "middle", 207),
    Cell("notes-500", "notes", 500, 100, 0.0, "middle", 208),
)
PREFERENCES = frozenset({"tone", "notes"})
"""Tasks that no program grades in training; a rule that training never rewards decides on the test rows."""
STEPS = frozenset({"arithmetic", "clock", "mawps"})
"""Tasks whose answers are got by steps."""
TEST_ROWS, VALIDATION_ROWS = 1000, 200
ARMS = ("nothing", "sft", "rejection_sampling", "practise", "ppo")
"""practise: GRPO, or DPO where there are preferences. ppo: ReFT, or PPO on a reward model. What practises starts from
the SFT model."""
