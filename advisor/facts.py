"""Facts: everything that the decision may look at, each with where it came from. Pure values in, pure values out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Origin = Literal["measured", "told", "assumed"]
"""measured: read from the data or the machine. told: the user said so. assumed: a default nobody confirmed."""

Outcome = Literal["sft", "rft", "rlhf", "collect", "do_not_tune"]
"""do_not_tune needs a measured base model: no rule of this version reaches it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a task. None means unknown.

    prompts: distinct prompts at hand. labels: rows with a demonstration or a reference answer.
    only_compared: the labels can be compared with but not imitated (references made of several columns).
    demonstrations: the labels show how (worked steps, or the whole text wanted), not only a final answer.
    verifiable: a program can tell a right answer from a wrong one. grader: the type of the grader that does it here;
    grader_problem: why there is none. reasoning_helps: answers get better when the model thinks step by step first.
    format_new: the model has not seen this task or output format. pairs: chosen/rejected answers. thumbs: answers
    marked good or bad. unpaired: prompts without a pair. reward_model: one that was trained on the pairs passed its
    gate. tools: rows with tool calls. guess_rate: share of rows that one constant answer gets right. gpu_gib: memory of
    the largest GPU, 0 without one. hours: what training may take, None for no limit.
    origins: field → where its value came from.
    """

    prompts: int = 0
    labels: int = 0
    only_compared: bool = False
    demonstrations: bool = False
    verifiable: bool = False
    grader: str | None = None
    grader_problem: str = ""
    reasoning_helps: bool | None = None
    format_new: bool | None = None
    pairs: int = 0
    thumbs: int = 0
    unpaired: int = 0
    reward_model: bool = False
    tools: int = 0
    guess_rate: float = 0.0
    model: str = "starter"
    gpu_gib: float = 0.0
    hours: float | None = None
    origins: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def imitable(self) -> bool:
        """There are answers that a model could learn to write."""
        return self.labels > 0 and not self.only_compared

    @property
    def gradable(self) -> bool:
        """A grader of this version can score an answer."""
        return self.verifiable and self.grader is not None

    @property
    def preferences(self) -> int:
        """Judgements of which answers people like better, of either kind."""
        return self.pairs + self.thumbs
