"""How far a judge of pairs can be trusted, from verdicts that are already there: no model is asked.

In: for each pair, whom the judge preferred when asked in one order and in the other, both by the same names of the
answers ("1", "2", "tie", or None where its answer could not be read), and, if known, the right one. Out: shares with
95 % intervals that resample pairs.
Agreement counts each order's verdict, so a judge that always names the first shown gets one half where the right
answers are balanced; the order consistency is the share of pairs with the same verdict both times (Zheng et al. 2023,
arXiv:2306.05685; Zeng et al. 2023, arXiv:2310.07641).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graders.base import Grade
from graders.statistics import Interval, cohens_kappa, paired_bootstrap, wilson_interval


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """Whom a judge preferred in the two orders, by the names of the answers; label: the right one, if known."""

    winner: str | None
    winner_swapped: str | None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A share of n, with its 95 % interval."""

    share: float
    n: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """agreement: right verdicts of all that were read, both orders. kappa: the same beyond chance. consistency: same
    verdict in both orders. first_shown: of the pairs judged two ways, how many each time for the answer shown first
    (one half: no preference for a place). unread: verdicts that could not be read, of all. None: no pair to say it of.
    """

    pairs: int
    unread: int
    agreement: Share | None
    agreement_by_order: tuple[Share | None, Share | None]
    kappa: float | None
    consistency: Share | None
    first_shown: Share | None


def judge_report(verdicts: Sequence[PairVerdict]) -> JudgeReport:
    """What pairs judged in both orders say of the judge. A verdict that could not be read counts for nothing."""
    orders = [verdict.winner for verdict in verdicts], [verdict.winner_swapped for verdict in verdicts]
    labels = [verdict.label for verdict in verdicts]
    judged = [
        [
            (place, winner, label)
            for place, (winner, label) in enumerate(zip(order, labels, strict=True))
            if winner and label
        ]
        for order in orders
    ]
    both = [*judged[0], *judged[1]]
    read = [(one, two) for one, two in zip(*orders, strict=True) if one is not None and two is not None]
    # In the first order "1" was shown first, in the second "2".
    by_place = Counter(pair for pair in read if pair in {("1", "2"), ("2", "1")})
    return JudgeReport(
        pairs=len(verdicts),
        unread=sum(winner is None for order in orders for winner in order),
        agreement=_clustered(both),
        agreement_by_order=(_right(judged[0]), _right(judged[1])),
        kappa=cohens_kappa([winner for _, winner, _ in both], [label for _, _, label in both]) if both else None,
        consistency=_share(sum(one == two for one, two in read), len(read)),
        first_shown=_share(by_place["1", "2"], by_place.total()),
    )


def verdicts_of(grades: Iterable[Grade]) -> list[PairVerdict]:
    """The verdicts behind the grades of a `judge` that compares: "1" is the completion, "2" what it met."""
    return [PairVerdict(_named(grade.parts, "shown first"), _named(grade.parts, "shown second")) for grade in grades]


def _named(parts: Mapping[str, float | None], order: str) -> str | None:
    points = parts.get(order)
    return None if points is None else {1.0: "1", 0.0: "2"}.get(points, "tie")


def _right(judged: Sequence[tuple[int, str, str]]) -> Share | None:
    return _share(sum(winner == label for _, winner, label in judged), len(judged))


def _share(count: int, n: int) -> Share | None:
    return Share(count / n, n, wilson_interval(count, n)) if n else None


def _clustered(judged: Sequence[tuple[int, str, str]]) -> Share | None:
    """The two verdicts on one pair are drawn together: they are not independent."""
    if not judged:
        return None
    right = [float(winner == label) for _, winner, label in judged]
    return Share(sum(right) / len(right), len(right), paired_bootstrap(right, [place for place, _, _ in judged], 2000))
