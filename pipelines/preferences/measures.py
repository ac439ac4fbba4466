"""Collected preferences → the numbers of an audit. Pure."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from graders.statistics import cohens_kappa, krippendorff_alpha
from pipelines.data.rows import Row, Split
from pipelines.preferences.answers import prompt_id
from pipelines.preferences.audit_record import Agreement, Annotator, Estimate, Kappa, Measures
from pipelines.preferences.ceiling import ceiling_of, pair_agreement
from pipelines.preferences.collected import Collected
from pipelines.preferences.generators import generators
from pipelines.preferences.shares import Share, share
from pipelines.preferences.surface import longer_is_better, surface_probabilities, taken
from pipelines.preferences.votes import Vote, by_item

_Group = dict[str, Vote]
_MOST_KAPPAS = 15
"""Those of six annotators; of more, alpha tells."""


def measure(found: Collected) -> Measures:
    """Everything that can be counted; what cannot be, is None."""
    pairs = found.decided()
    first = [vote for vote in found.votes if vote.in_order and vote.winner]
    return Measures(
        num_rows=len(found.answers) or len(found.pairs.rows),
        num_pairs=len(pairs),
        num_prompts=len({prompt_id(row.messages) for row in pairs}),
        num_votes=len(found.votes),
        annotators=_annotators(found.votes),
        ties=_ties(found),
        both_bad=_share((float(answer.both_bad), answer.prompt_id) for _, answer in found.answers),
        longer=_longer(pairs),
        surface=_surface(pairs),
        first=_share((float(vote.winner == 1), vote.prompt) for vote in first),
        agreement=_agreement(people(found.votes)),
        generators=generators(found.pairs),
        held_out=_held_out(found.split),
    )


def people(votes: Sequence[Vote]) -> list[Vote]:
    """Those of people; a judge's where there are no others."""
    return [vote for vote in votes if not vote.judge] or list(votes)


def _held_out(split: Split | None) -> int | None:
    """Pairs of test prompts; where there are none, as with answers of `label`, those of validation prompts."""
    parts = (split.test, split.validation) if split else ()
    return next((n for part in parts if (n := sum(row.chosen is not None for row in part.rows))), None)


def _share(counted: Iterable[tuple[float, str]]) -> Share | None:
    """Of (hit, prompt); None where nothing is counted."""
    counted = list(counted)
    return share([hit for hit, _ in counted], [prompt for _, prompt in counted]) if counted else None


def _ties(found: Collected) -> Share | None:
    """A file of chosen and rejected answers has none, for it cannot hold any."""
    if not found.answers and found.pairs.comparison is None:
        return None
    return _share((float(vote.winner == 0), vote.prompt) for vote in found.votes)


def _longer(pairs: Sequence[Row]) -> Share | None:
    judged = [(longer_is_better(row.chosen or "", row.rejected or ""), prompt_id(row.messages)) for row in pairs]
    return _share((hit, prompt) for hit, prompt in judged if hit != 0.5)


def _surface(pairs: Sequence[Row]) -> Share | None:
    texts = taken([(prompt_id(row.messages), row.chosen or "", row.rejected or "") for row in pairs])
    found = surface_probabilities(texts)
    if found is None:
        return None
    hits = (0.5 if probability == 0.5 else float(probability > 0.5) for probability in found)
    return _share(zip(hits, (prompt for prompt, _, _ in texts), strict=True))


def _agreement(votes: list[Vote]) -> Agreement | None:
    pairwise = pair_agreement(votes)
    if pairwise is None:
        return None
    groups = [group for group in by_item(votes) if len(group) > 1]
    value, low, high = ceiling_of(pairwise)
    return Agreement(
        pairwise=Estimate(value=pairwise.value, low=pairwise.low, high=pairwise.high, n=pairwise.num_pairs),
        ceiling=Estimate(value=value, low=low, high=high, n=pairwise.num_pairs),
        alpha=_alpha(groups),
        kappas=_kappas(groups),
    )


def _alpha(groups: Sequence[_Group]) -> Estimate | None:
    units = [[vote.winner for vote in group.values()] for group in groups]
    prompts = [next(iter(group.values())).prompt for group in groups]
    found = krippendorff_alpha([*units, *map(_mirrored, units)], [*prompts, *prompts])
    return None if found is None else Estimate(value=found[0], low=found[1].low, high=found[1].high, n=len(groups))


def _kappas(groups: Sequence[_Group]) -> tuple[Kappa, ...]:
    names = sorted({name for group in groups for name in group})
    found = []
    for one, other in list(combinations(names, 2))[: _MOST_KAPPAS + 1]:
        both = [(group[one].winner, group[other].winner) for group in groups if one in group and other in group]
        if both:
            ours, theirs = [a for a, _ in both], [b for _, b in both]
            kappa = cohens_kappa([*ours, *_mirrored(ours)], [*theirs, *_mirrored(theirs)])
            found.append(Kappa(first=one, second=other, kappa=kappa, n=len(both)))
    return tuple(found) if len(found) <= _MOST_KAPPAS else ()


def _mirrored(winners: Sequence[int]) -> list[int]:
    """Each verdict counts both ways: which side is called first must not change what is chance."""
    return [(0, 2, 1)[winner] for winner in winners]


def _annotators(votes: Sequence[Vote]) -> tuple[Annotator, ...]:
    """Each against the majority of the people among the others; those who are not known are left out."""
    names = sorted({vote.annotator for vote in votes if vote.annotator})
    judges = {vote.annotator for vote in votes if vote.judge}
    groups = by_item(votes)
    return tuple(
        Annotator(
            name=name,
            judge=name in judges,
            votes=sum(vote.annotator == name for vote in votes),
            with_majority=_with_majority(name, groups, judges),
        )
        for name in names
    )


def _with_majority(name: str, groups: Sequence[_Group], judges: set[str]) -> Share | None:
    """Over the pairs that this annotator decided and on which the others are not split."""
    counted = []
    for group in groups:
        others = [v.winner for who, v in group.items() if who != name and who not in judges and v.winner]
        ones = others.count(1)
        if name in group and group[name].winner and ones * 2 != len(others):
            right = 1 if ones * 2 > len(others) else 2
            counted.append((float(group[name].winner == right), group[name].prompt))
    return _share(counted)
