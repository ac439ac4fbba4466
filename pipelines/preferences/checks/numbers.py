"""Checks that there are enough pairs to train on, and to show that it worked."""

from graders.statistics import rows_to_show
from pipelines.data.rows import Finding
from pipelines.preferences.audit_record import Measures
from pipelines.preferences.collected import Collected

FEWEST = 500
"""Azure's guide to preference training: 500 to 5,000 pairs; OpenAI's: thousands."""
GOOD_ACCURACY, USUAL_ACCURACY = 0.75, 0.65
"""Of reward models on people's held-out pairs: 72 % in the training group and 70 % beyond it (Ouyang et al. 2022,
arXiv:2203.02155)."""


def too_few(_: Collected, measures: Measures) -> list[Finding]:
    """Too few for any claim is an error, fewer than usual a warning."""
    n, held = measures.num_pairs, measures.held_out
    least, usual = rows_to_show(GOOD_ACCURACY), rows_to_show(USUAL_ACCURACY)
    if n < least:
        message = (
            f"{n} pairs are too few for any claim: even held out altogether they cannot tell an accuracy of "
            f"{GOOD_ACCURACY:.0%} from guessing, which takes {least} held-out pairs; {USUAL_ACCURACY:.0%} takes {usual}"
        )
        return [Finding("too_few", "error", message, n, fix=f"collect {FEWEST} or more")]
    found = []
    if held is not None and held < usual:
        message = (
            f"{held} held-out pairs show an accuracy only from {shown(held):.0%} on (80 % power, 5 % error); "
            f"{USUAL_ACCURACY:.0%}, which is usual, takes {usual}"
        )
        found.append(Finding("few_held_out", "warning", message, held, fix="hold out more, or collect more"))
    if n < FEWEST:
        message = f"{n} pairs are few: preference training takes 500 to 5,000 (Azure)"
        found.append(Finding("too_few", "warning", message, n, fix="collect more, or take the best of several answers"))
    return found


def shown(n: int) -> float:
    """The least accuracy above one half, in whole percent, that n held-out pairs tell from guessing."""
    return next((percent / 100 for percent in range(51, 100) if rows_to_show(percent / 100) <= n), 1.0)
