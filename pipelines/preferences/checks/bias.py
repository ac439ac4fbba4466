"""Checks of what decides the pairs besides what the answers say. Every threshold stands here with its source.

A finding needs the whole 95 % interval beyond its threshold, so that chance alone hardly ever makes one.
"""

from pipelines.data.rows import Finding
from pipelines.preferences.audit_record import Measures
from pipelines.preferences.collected import Collected
from pipelines.preferences.shares import Share

BALANCED = 0.05
"""How far from one half a share may surely be. Ours. On three public sets most of what PPO gained by a reward model
was length (Singhal et al. 2023, arXiv:2310.03716)."""
SURFACE = 0.6
"""Accuracy without reading. Ours: people agree with each other in 63 to 73 % of open-ended pairs (Bai et al. 2022,
arXiv:2204.05862; Ouyang et al. 2022, arXiv:2203.02155), so that this leaves little to learn by reading."""
TOO_EASY = 0.9
"""Accuracy without reading, and wins of one model over the others. Ours."""


def length_bias(_: Collected, measures: Measures) -> list[Finding]:
    """The longer answer, or the shorter, is chosen too often for a reward model to learn anything else first."""
    longer = measures.longer
    if longer is None or not _unbalanced(longer):
        return []
    which = "longer" if longer.value > 0.5 else "shorter"
    right = max(longer.value, 1 - longer.value)
    message = f"the {which} answer is chosen in {right:.0%} of {_of(longer)}: length alone is right that often"
    fix = f"balance it: add pairs whose {'shorter' if which == 'longer' else 'longer'} answer is the better one, "
    fix += "or put a length penalty beside the reward model; leave it only where length is what you want"
    return [Finding("length_bias", "warning", message, round(right * longer.n), fix=fix)]


def surface_bias(_: Collected, measures: Measures) -> list[Finding]:
    """Length, marks, lines and first words tell which answer was chosen."""
    surface = measures.surface
    if surface is None or surface.low <= SURFACE:
        return []
    features = "length, marks, lines and first words"
    told = f"{features} alone tell which answer is chosen in {surface.value:.0%} of {_of(surface)}"
    if surface.low > TOO_EASY:
        fix = "use answers that look alike: of the same model, or of models that write in the same way"
        return [Finding("too_easy", "warning", f"the pairs are too easy: {told}", round(surface.hits), fix=fix)]
    fix = "a reward model has to beat that to have learned more; add pairs that look alike"
    return [Finding("surface_bias", "warning", told, round(surface.hits), fix=fix)]


def one_generator(_: Collected, measures: Measures) -> list[Finding]:
    """One model's answers nearly always win: the reward model learns its style, not what is good."""
    found = []
    for one in measures.generators:
        if one.won.low > TOO_EASY and one.won.n >= measures.num_pairs / 2:
            message = f"the answers of {one.name} beat those of other models in {one.won.value:.0%} of {_of(one.won)}"
            fix = "compare answers of one model with each other, or of models as good as each other"
            found.append(Finding("one_generator", "warning", message, round(one.won.hits), fix=fix))
    return found


def position_bias(_: Collected, measures: Measures) -> list[Finding]:
    """The answer that stands first wins too often, or too seldom."""
    first = measures.first
    if first is None or not _unbalanced(first):
        return []
    message = f"the answer in the first column wins in {first.value:.0%} of {_of(first)}"
    fix = "show the answers in random order; where the columns are not the order shown, say which model wrote which"
    return [Finding("position_bias", "warning", message, round(first.hits), fix=fix)]


def _unbalanced(found: Share) -> bool:
    return found.low > 0.5 + BALANCED or found.high < 0.5 - BALANCED


def _of(found: Share) -> str:
    low, high = (found.low, found.high) if found.value >= 0.5 else (1 - found.high, 1 - found.low)
    return f"{found.n:,} (95 % interval {low:.0%} to {high:.0%})"
