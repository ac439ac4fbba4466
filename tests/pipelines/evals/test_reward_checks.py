"""What a reward model is worth, by numbers that can be checked by hand."""

import pytest

from pipelines.evals.reliability_plot import draw_reliability
from pipelines.evals.reward_checks import Scored, calibration_error, check, length_rule, majority_rule, reliability
from reward_models.examples import Pair


def pair(number: int, chosen: str, rejected: str) -> Pair:
    return Pair(({"role": "user", "content": f"question {number}"},), chosen, rejected, number)


def test_the_length_rule_goes_the_way_of_the_training_pairs() -> None:
    longer, shorter = pair(1, "a longer one", "short"), pair(2, "short", "a longer one")
    assert [length_rule([longer] * 3)(one) for one in (longer, shorter)] == [1.0, 0.0]
    assert [length_rule([shorter] * 3)(one) for one in (longer, shorter)] == [0.0, 1.0]


def test_the_majority_rule_knows_what_it_saw_and_tosses_a_coin_else() -> None:
    rule = majority_rule([pair(1, "yes", "no"), pair(2, "yes", "perhaps")])
    assert [rule(pair(3, "yes", "no")), rule(pair(4, "no", "yes")), rule(pair(5, "new", "newer"))] == [1.0, 0.0, 0.5]


def test_calibration_by_hand() -> None:
    # Four pairs at sigmoid(0) = 0.5, half of them right; four at sigmoid(2) = 0.881, three of them right.
    unsure = [Scored(pair(n, "a", "b"), 0.0, 0.0) for n in range(4)]
    sure = [Scored(pair(n, "a", "b"), 2.0 if n else 0.0, 0.0 if n else 2.0) for n in range(4)]
    low, high = reliability(unsure + sure)
    assert (low["confidence"], low["accuracy"], low["n"]) == (0.5, 0.5, 4)
    assert (high["confidence"], high["accuracy"]) == (pytest.approx(0.8808, abs=1e-4), 0.75)
    assert calibration_error(unsure + sure) == pytest.approx(0.5 * (0.8808 - 0.75), abs=1e-4)


def test_a_reward_model_that_counts_letters_does_not_beat_counting_letters() -> None:
    every = [pair(n, f"long {n}" * (2 + n % 3) if n % 4 else "s", f"xx{n}") for n in range(160)]
    learned, held = every[80:], every[:80]
    letters = [Scored(one, float(len(one.chosen)), float(len(one.rejected))) for one in held]
    found = check(letters, learned)
    assert found["accuracy"] == found["length_only"] == 0.75
    assert not found["beats_baselines"]
    assert found["length_correlation"] == pytest.approx(1.0)
    better = check([Scored(one, 1.0, 0.0) for one in held], learned)
    assert better["beats_baselines"]
    assert better["gain_points"][0] > 0


def test_under_thirty_held_out_pairs_nothing_is_claimed() -> None:
    held = [pair(n, "a", "bb") for n in range(29)]
    found = check([Scored(one, 1.0, 0.0) for one in held], [pair(99, "longest", "b")])
    assert found["accuracy"] == 1.0
    assert not found["beats_baselines"]


def test_the_plot_is_drawn(tmp_path) -> None:
    draw_reliability([{"confidence": 0.7, "accuracy": 0.6, "n": 12}], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
