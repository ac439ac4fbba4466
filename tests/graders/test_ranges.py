"""A declared range maps linearly; a value outside is the grader's failure and says which range to declare."""

import pytest

from graders.ranges import ranged
from graders.union import parse_grader


@pytest.mark.parametrize(("raw", "score"), [(0, 0.0), (5, 1.0), (2, 0.4), (True, 0.2), (5 + 1e-10, 1.0)])
def test_numbers_inside_the_range_are_scaled(raw: float, score: float) -> None:
    grade = ranged(raw, (0, 5), "why")
    assert grade.score == pytest.approx(score)
    assert grade.raw == raw


def test_a_number_outside_is_unscored_and_names_the_range_to_declare() -> None:
    grade = ranged(5, (0, 1), "why")
    assert grade.score is None
    assert "range: [0, 5]" in grade.reason


@pytest.mark.parametrize("raw", [None, "x", float("nan"), float("inf"), [], 10**400])
def test_what_is_no_finite_number_is_unscored(raw: object) -> None:
    assert ranged(raw, (0, 1), "why").score is None


def test_what_is_null_is_left_out_as_openais_api_returns_unset_fields() -> None:
    judged = {"type": "score_model", "model": "m", "input": [{"role": "user", "content": "{{sample.output_text}}"}]}
    nulls = {"name": None, "range": None, "sampling_params": None, "pass_threshold": None}
    assert parse_grader(judged | nulls) == parse_grader(judged)
    source = {"type": "python", "source": "def grade(sample, item):\n    return 1"}
    assert parse_grader(source | {"range": None, "image_tag": None, "name": None}) == parse_grader(source)
