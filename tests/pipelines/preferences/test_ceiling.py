"""The ceiling holds for the best guess there can be, and is reached where all pairs are disputed alike."""

import random

import pytest

from pipelines.data.load import rows_from
from pipelines.data.spec import DataSpec
from pipelines.data.table import make_table
from pipelines.preferences.answers import Answer
from pipelines.preferences.ceiling import annotator_ceiling


def answers(shares: list[float], voters: int, seed: int = 0) -> list[Answer]:
    """One pair for each share, on which each voter prefers the first completion with that probability."""
    chance = random.Random(seed)
    return [
        Answer.model_validate(
            {
                "messages": [{"role": "user", "content": f"prompt {number}"}],
                "completions": ["one", "two"],
                "ranking": [[0], [1]] if chance.random() < share else [[1], [0]],
                "annotator": f"voter {voter}",
            }
        )
        for number, share in enumerate(shares)
        for voter in range(voters)
    ]


@pytest.mark.parametrize("voters", [2, 3, 5])
@pytest.mark.parametrize("share", [0.65, 0.8, 0.95])
def test_where_all_pairs_are_disputed_alike_the_ceiling_is_the_majority_share(share: float, voters: int) -> None:
    found = annotator_ceiling(answers([share, 1 - share] * 1000, voters))
    assert found is not None
    assert found.value == pytest.approx(share, abs=0.03)
    assert found.low < share < found.high


def test_the_best_guess_is_never_above_the_ceiling() -> None:
    shares = [0.5] * 1000 + [1.0] * 1000  # the best guess is right in 75 %, and people agree in 75 %
    found = annotator_ceiling(answers(shares, 3))
    assert found is not None
    assert 0.75 < found.value == pytest.approx((1 + 0.5**0.5) / 2, abs=0.02)


def test_the_interval_holds_the_truth_in_most_draws() -> None:
    found = [annotator_ceiling(answers([0.7, 0.3] * 100, 3, seed)) for seed in range(60)]
    assert sum(one is not None and one.low <= 0.7 <= one.high for one in found) >= 54  # of 57 expected


def test_full_agreement_of_few_still_leaves_doubt_and_strangers_tell_nothing() -> None:
    found = annotator_ceiling(answers([1.0] * 10, 2))
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.7 < found.low < 0.9
    assert annotator_ceiling(answers([1.0] * 10, 1)) is None


def test_verdict_columns_are_annotators_and_a_missing_verdict_is_no_tie() -> None:
    cells = [
        {"instruction": f"q{n}", "response1": "a", "response2": "b", "annotator1": 1, "annotator2": "", "annotator3": 1}
        for n in range(40)
    ]
    cells[0]["annotator3"] = 2
    rows = rows_from(make_table("made", enumerate(cells, start=1)), DataSpec(train="made"))
    found = annotator_ceiling(rows)
    assert found is not None
    assert found.value == pytest.approx((1 + (2 * 39 / 40 - 1) ** 0.5) / 2)


def test_a_judges_votes_do_not_count_among_people() -> None:
    people = answers([1.0] * 40, 2)
    judge = [one.model_copy(update={"source": "judge", "annotator": "j", "ranking": ((1,), (0,))}) for one in people]
    assert annotator_ceiling([*people, *judge]) == annotator_ceiling(people)
