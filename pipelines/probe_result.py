"""What a probe of a model found, as it stands in the record; and the facts that follow from it.

Rates are shares in [0, 1]. Intervals of styles are 95 % ones over all looks and styles together; see
pipelines/evals/looks.py.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pipelines.evals.compare import FEWEST_PROMPTS, Comparison
from pipelines.evals.signal import TOO_LOW, Verdict
from pipelines.prompt_styles import Style

LONGER = 1.5
"""Answers so many times as long as those of another style hold reasoning that the others do not."""
FOLLOWED = 0.5
"""A style that fewer of the answers follow says nothing: the model does not understand the instruction."""
SLIGHT_GAIN = 5.0
"""Points: reasoning that gains surely less than this is not worth its tokens."""
KNOWS = 0.11
"""The lowest known base score of the published RFT cases (see FLOOR in advisor/facts.py): the task is not new there."""
RowsFrom = Literal["validation", "training", "validation and training"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GroupShare(_Record):
    """Of groups of `size` answers the share with spread; see pipelines/evals/signal.py."""

    size: int
    share: float
    interval: tuple[float, float]
    estimator: Literal["measured", "beta-binomial", "lower bound"]


class StyleFound(_Record):
    """Greedy answers in one style.

    rows: asked. pass_rate and its interval, mean_score: of those that were scored. parse_rate: share in which the
    grader found an answer; None where it never names what it found. followed: share that did as the style asks.
    mean_tokens: of an answer; tokens_needed: the length limit that such answers need, None where most were cut.
    comparison: with the direct answers to the same rows. settled: more rows were not needed.
    """

    style: Style
    rows: int
    pass_rate: float | None
    interval: tuple[float, float]
    mean_score: float | None
    unscored: int
    parse_rate: float | None
    truncated_rate: float
    mean_tokens: float
    tokens_needed: int | None
    followed: float
    comparison: Comparison | None = None
    settled: bool = False

    @property
    def better(self) -> bool:
        """Surely better than the rows as they are."""
        return self.comparison is not None and self.comparison.claim == "better"


class Probed(_Record):
    """The numbers of a probe. Of answers that were drawn at the stage's temperature:

    prompts: with two scored answers or more. spread: mean standard deviation within a prompt. pass_at_k: k → unbiased
    pass@k. max_new_tokens: where they were cut. completions_per_second: None where some were kept from before a stop.
    Of greedy ones: styles, the direct one first; empty where none was asked. rows: that could be asked; fewer were
    where the answer was clear before. notes: what could not be asked.
    """

    samples_per_prompt: int
    mean_score: float
    unscored: int
    truncated_rate: float
    mean_tokens: float
    parse_rate: float | None
    prompts: int
    mean_score_interval: tuple[float, float]
    spread: float
    prompts_with_spread: int
    pass_at_k: Mapping[str, float | None]
    groups_with_spread: tuple[GroupShare, ...]
    verdict: Verdict
    group_size: int
    max_new_tokens: int
    rows: int
    rows_from: RowsFrom
    completions_per_group_with_spread: float | None
    completions_per_second: float | None
    sampling_seconds_per_pass: float | None
    styles: tuple[StyleFound, ...] = ()
    notes: tuple[str, ...] = ()
    advice: str = ""

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> "Probed":
        """A record's numbers as they were measured."""
        return cls.model_validate(numbers)

    @property
    def base_score(self) -> float | None:
        """Pass rate of greedy direct answers; where hardly any passes, that of all drawn ones, which are more.

        None under 30 rows: no advice shall rest on fewer.
        """
        drawn, direct = self.pass_at_k.get("1"), self._style("direct")
        if (direct.rows - direct.unscored if direct else self.prompts) < FEWEST_PROMPTS:
            return None
        if direct is None or direct.pass_rate is None:
            return drawn
        return direct.pass_rate if direct.pass_rate > TOO_LOW or drawn is None else drawn

    @property
    def best_style(self) -> StyleFound | None:
        """The best of the styles that are surely better than the rows as they are; None where none is."""
        better = [style for style in self.styles if style.better]
        return max(better, key=lambda style: style.pass_rate or 0.0, default=None)

    @property
    def prompted_score(self) -> float | None:
        """What the best prompt reaches; the direct one's where no other is surely better, None where none was tried."""
        if len(self.styles) < 2:
            return None
        return self.best_style.pass_rate if self.best_style else self.base_score

    @property
    def score_low(self) -> float | None:
        """What prompted_score surely reaches: the low end of its interval; None where it is not known."""
        style = self.best_style or self._style("direct")
        return style.interval[0] if style is not None and self.prompted_score is not None else None

    @property
    def format_new(self) -> bool | None:
        """Whether the grader finds no answer in most greedy direct answers; None between, or where it names none."""
        direct = self._style("direct")
        if direct is None or direct.parse_rate is None or self.base_score is None:
            return None
        if direct.parse_rate < 0.5:
            return True
        return False if direct.parse_rate >= 0.9 and self.base_score >= KNOWS else None

    @property
    def reasoning_helps(self) -> bool | None:
        """Whether answers that reason are better than the same model's answers that do not; None where it is not known.

        Only styles count that the model followed, and only where one's answers are really longer than the other's.
        """
        direct, thought, bare = (self._style(name) for name in ("direct", "step_by_step", "answer_only"))
        found = [_gain(thought, direct, thought), _gain(direct, bare, bare)]
        known = [helps for helps in found if helps is not None]
        return any(known) if known else None

    def _style(self, name: Style) -> StyleFound | None:
        return next((style for style in self.styles if style.style == name), None)


def _gain(reasoned: StyleFound | None, bare: StyleFound | None, compared: StyleFound | None) -> bool | None:
    """Whether reasoning surely gains, or surely no more than SLIGHT_GAIN. compared: the one of them that was compared
    with the direct answers."""
    if reasoned is None or bare is None or compared is None or compared.comparison is None:
        return None
    difference = compared.comparison.difference
    if compared.followed < FOLLOWED or reasoned.mean_tokens < LONGER * bare.mean_tokens or difference is None:
        return None
    sign = 1 if compared is reasoned else -1
    if compared.comparison.claim == ("better" if sign > 0 else "worse"):
        return True
    most = difference.high if sign > 0 else -difference.low
    enough = compared.comparison.claim != "too few rows"
    return False if enough and most <= SLIGHT_GAIN else None
