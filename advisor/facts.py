"""Facts: everything that the decision may look at, each with where it came from. Pure values in, pure values out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from graders.statistics import minimal_detectable_effect
from pipelines.evals.signal import TOO_GOOD, TOO_LOW

Origin = Literal["measured", "told", "assumed"]
"""measured: read from the data, the machine or the model's answers. told: the user said so. assumed: a default nobody
confirmed."""

Family = Literal["sft", "rft", "rlhf"]
Outcome = Literal["sft", "rft", "rlhf", "collect", "do_not_tune"]

FLOOR, CEILING = TOO_LOW, TOO_GOOD
"""A base score from which RL has nothing to start from, or nothing left: AWS says 0 % and over 95 %; of the published
RFT cases with a known base score none starts under 0.11 or above 0.88."""
MANY_WORKED = 500
"""Answers with steps from which SFT comes first although the model knows the task. Measured on the starter
(benchmarks/warm_up): 300 brought nothing over RL alone, 1,000 six points."""
CHANGED = 0.3
"""Share of test rows whose verdict training changes, where nobody measured it. Measured: 11 % by SFT and 34 % by SFT
then GRPO in the demo (n = 500), 17 to 20 % by five ways of RFT on MAWPS (n = 384). Near the upper end: better a warning
too many than a week spent on what cannot be seen."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a task. None means unknown.

    task: what the model is to do, in the user's words; "" where nobody said.
    prompts: distinct prompts at hand. labels: rows with a demonstration or a reference answer.
    ground_truth: each row has a right answer, a reference or a test, whether or not anyone counted them.
    only_compared: the labels can be compared with but not imitated (references made of several columns).
    demonstrations: the labels show how (worked steps, or the whole text wanted), not only a final answer.
    bare: labels that show no steps, where enough others do.
    teacher: a stronger model can write, or wrote, the demonstrations.
    verifiable: a program can tell a right answer from a wrong one. judged: no program can, but a judge with a rubric.
    grader: the type of the grader that does it here; grader_problem: why there is none.
    reasoning_helps: answers get better when the model thinks step by step first.
    format_new: the model has not seen this task or output format. instruct: the model is no bare base model.
    pairs: chosen/rejected answers. thumbs: answers marked good or bad. compared: there are preferences that nobody
    counted. unpaired: prompts without a pair. reward_model: one that was trained on the pairs passed its gate.
    tools: rows with tool calls. guess_rate: share of rows that one constant answer gets right. contradictions: share of
    the rows that ask what another row asks and answer otherwise.
    base_score: what the model scores now, in [0, 1]; prompted_score: with the best prompt that was tried; score_low:
    what the better of both surely reaches, None where only the scores were told; target: what is good enough.
    test_rows: rows that will prove the gain; shared: they are a share of the rows, that a plan may raise, and no set of
    their own. wanted_gain: the gain to be seen on them, in [0, 1].
    gpu_gib: memory of the largest GPU, 0 without one. hours: what training may take, None for no limit.
    origins: field → where its value came from.
    """

    task: str = ""
    prompts: int | None = 0
    labels: int | None = 0
    ground_truth: bool | None = None
    only_compared: bool = False
    demonstrations: bool | None = False
    bare: int = 0
    teacher: bool | None = None
    verifiable: bool | None = False
    judged: bool | None = None
    grader: str | None = None
    grader_problem: str = ""
    reasoning_helps: bool | None = None
    format_new: bool | None = None
    instruct: bool | None = None
    pairs: int = 0
    thumbs: int = 0
    compared: bool = False
    unpaired: int = 0
    reward_model: bool = False
    tools: int = 0
    guess_rate: float = 0.0
    contradictions: float = 0.0
    base_score: float | None = None
    prompted_score: float | None = None
    score_low: float | None = None
    target: float | None = None
    test_rows: int | None = None
    shared: bool = False
    wanted_gain: float | None = None
    model: str = "starter"
    gpu_gib: float = 0.0
    hours: float | None = None
    origins: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def visible_gain(self) -> float | None:
        """The smallest gain in [0, 1] that the test rows show four times in five; None: nobody knows how many."""
        return None if not self.test_rows else min(1.0, minimal_detectable_effect(self.test_rows, CHANGED))

    @property
    def labelled(self) -> bool:
        """There are right answers or demonstrations."""
        return self.ground_truth is True if self.labels is None else self.labels > 0

    @property
    def imitable(self) -> bool:
        """There are answers that a model could learn to write."""
        return self.labelled and not self.only_compared

    @property
    def well_shown(self) -> bool:
        """So many answers show steps that imitation may teach what RL alone would not find, though the model knows the
        task; only where it was tried, since a grader then also tells when imitation does harm."""
        steps = self.imitable and self.demonstrations is True
        return self.known and steps and (self.labels or 0) - self.bare >= MANY_WORKED

    @property
    def known(self) -> bool:
        """The model was tried, and knows task and format."""
        return self.origins.get("format_new") == "measured" and self.format_new is False

    @property
    def imitates_worked(self) -> bool:
        """The answers that show no steps are not imitated: they would teach the model to leave the steps out."""
        return self.bare > 0 and self.demonstrations is True and self.reasoning_helps is True and self.gradable

    @property
    def checkable(self) -> bool:
        """Something can tell a right answer from a wrong one, as far as is known."""
        return self.verifiable is not False or self.judged is True

    @property
    def gradable(self) -> bool:
        """A grader of this version can score an answer."""
        return self.checkable and self.grader is not None

    @property
    def preferences(self) -> int:
        """Judgements of which answers people like better, of either kind; 0 also where nobody counted."""
        return self.pairs + self.thumbs

    @property
    def preferred(self) -> bool:
        """There are preferences, counted or not."""
        return self.preferences > 0 or self.compared

    @property
    def at_floor(self) -> bool:
        """The model now gets next to nothing right."""
        return self.base_score is not None and self.base_score <= FLOOR

    @property
    def at_ceiling(self) -> bool:
        """The model now gets nearly everything right."""
        return self.base_score is not None and self.base_score >= CEILING

    @property
    def counted(self) -> str:
        """The labelled rows, as a sentence begins."""
        return "The labelled rows" if self.labels is None else f"{self.labels:,} labelled rows"

    @property
    def counted_rows(self) -> str:
        """The same within a sentence."""
        return "the labelled rows" if self.labels is None else f"the {self.labels:,} labelled rows"
