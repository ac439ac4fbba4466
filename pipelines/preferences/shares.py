"""A share of pairs or votes, with its 95 % interval. Pairs of one prompt are not independent, and count as such."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from graders.statistics import paired_bootstrap, wilson_interval

_FEWEST_PROMPTS = 30
"""Under this a bootstrap over prompts is too narrow."""


class Share(BaseModel):
    """value: `hits` of n, where half a hit is a coin flip; in [0, 1]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hits: float
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """0 where nothing was counted."""
        return self.hits / self.n if self.n else 0.0


def share(hits: Sequence[float], prompts: Sequence[str], confidence: float = 0.95) -> Share:
    """Wilson's interval where every hit has a prompt of its own, else a bootstrap over prompts.

    Where there are too few prompts for that, or all hits are alike, it is Wilson's over as many rows as prompts.
    """
    total, n, num_prompts = sum(hits), len(hits), len(set(prompts))
    if num_prompts == n:
        low, high = wilson_interval(round(total), n, confidence)
    elif num_prompts < _FEWEST_PROMPTS or total in (0, n):
        low, high = wilson_interval(round(num_prompts * total / n), num_prompts, confidence)
    else:
        low, high = paired_bootstrap(hits, prompts, n_resamples=2000, confidence=confidence)
    return Share(hits=total, n=n, low=low, high=high)
