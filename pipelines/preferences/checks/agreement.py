"""Checks of annotators against each other. Every threshold stands here with its source."""

from pipelines.data.rows import Finding
from pipelines.preferences.audit_record import Measures
from pipelines.preferences.collected import Collected

FEWEST_PAIRS = 30
"""Under this no claim is made (DESIGN, Comparison)."""
PAIRWISE = 0.6
"""Two people's agreement on a pair, surely below that of well-known sets: 63 % (Bai et al. 2022, arXiv:2204.05862) and
72.6 % (Ouyang et al. 2022, arXiv:2203.02155)."""


def low_agreement(_: Collected, measures: Measures) -> list[Finding]:
    """People agree no better than by chance, or hardly."""
    found = measures.agreement
    if found is None or found.pairwise.n < FEWEST_PAIRS:
        return []
    two, ceiling = found.pairwise, found.ceiling
    told = (
        f"two annotators agree in {two.value:.0%} of {two.n:,} pairs that both decided (95 % interval {two.low:.0%} to "
        f"{two.high:.0%}), so no reward model can be expected to predict one more vote in over {ceiling.value:.0%}"
    )
    if two.high >= PAIRWISE:
        return []
    if found.alpha is not None and found.alpha.low <= 0:
        alpha = f"Krippendorff's alpha {found.alpha.value:.2f} ({found.alpha.low:.2f} to {found.alpha.high:.2f})"
        fix = "agree on what is better, in writing and with examples, and collect anew"
        return [Finding("low_agreement", "error", f"{told}; that may be chance: {alpha}", two.n, fix=fix)]
    fix = "write down what is better, with examples; leave out the pairs that people dispute"
    return [Finding("low_agreement", "warning", told, two.n, fix=fix)]


def odd_annotator(_: Collected, measures: Measures) -> list[Finding]:
    """Somebody surely agrees less with the majority of the others than all together do.

    Compared are 95 % intervals, which of two equal annotators part in about 1 of 200 cases.
    """
    judged = [one for one in measures.annotators if one.with_majority is not None and not one.judge]
    if len(judged) < 3:
        return []
    found = []
    for one in judged:
        rest = [other.with_majority for other in judged if other is not one and other.with_majority is not None]
        least = min(other.low for other in rest)
        mine = one.with_majority
        if mine is not None and mine.n >= FEWEST_PAIRS and mine.high < least:
            message = (
                f"{one.name} agrees with the majority of the others in {mine.value:.0%} of {mine.n:,} pairs (95 % "
                f"interval {mine.low:.0%} to {mine.high:.0%}), every other annotator in more than {least:.0%}"
            )
            fix = "read some of these pairs with them; leave their votes out where they were careless"
            found.append(Finding("odd_annotator", "warning", message, round(mine.n - mine.hits), fix=fix))
    return found


def missing_votes(_: Collected, measures: Measures) -> list[Finding]:
    """Some annotators judged only a part."""
    most = max((one.votes for one in measures.annotators), default=0)
    fewer = [one for one in measures.annotators if one.votes < most]
    if not fewer:
        return []
    told = ", ".join(f"{one.name} {one.votes:,}" for one in fewer[:8])
    message = f"not everybody gave as many votes: {told}; the most is {most:,}. What is missing counts for nothing"
    return [Finding("missing_votes", "note", message, sum(most - one.votes for one in fewer))]
