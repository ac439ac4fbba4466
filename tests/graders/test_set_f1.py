"""set_f1: sets and pairs as they are written, precision and recall, and partly right codes and values."""

import json
import time

import pytest

from graders.base import Grade, Sample
from graders.set_f1 import SetF1


def grade(completion: object, reference: object, **fields: object) -> Grade:
    text = completion if isinstance(completion, str) else json.dumps(completion)
    return SetF1.model_validate(fields).grade(Sample("Which?", text, reference))


@pytest.mark.parametrize(
    "completion",
    [
        '["red", "Green", "deep blue"]',
        '```json\n["deep blue", "green", "red"]\n```',
        "red, green, deep  blue",
        "red; green; deep blue",
        "- red\n- green\n- deep blue",
        "1. red\n2) green\n(3) deep blue",
        "['red', 'green', 'deep blue']",
        "red, green\ndeep blue, red",
        "red，green、deep blue",
    ],
)
def test_a_set_may_be_written_in_many_ways(completion: str) -> None:
    assert grade(completion, ["red", "green", "deep blue"]).score == 1
    assert grade(completion, "green; red; deep blue").score == 1
    assert grade(completion, '["deep blue", "red", "green"]').score == 1


def test_chinese_labels_are_read() -> None:
    assert grade("1、投诉\n2、退款，物流", ["投诉", "退款", "物流"]).score == 1


def test_precision_and_recall_are_in_the_parts_and_the_reason_names_what_is_not_right() -> None:
    result = grade("red, blue, pink", ["red", "green"])
    assert result.parts == {"precision": pytest.approx(1 / 3), "recall": 0.5}
    assert result.score == pytest.approx(2 * 1 / 5)
    assert result.reason == "1 of 2 right; missing: green; not wanted: blue, pink"


def test_listing_everything_does_not_pay_and_naming_twice_gains_nothing() -> None:
    everything = [f"label {i}" for i in range(77)]
    assert grade(everything, ["label 3"]).score == pytest.approx(2 / 78)
    assert grade(["label 3"] * 50, ["label 3", "label 4"]).score == pytest.approx(2 / 3)
    assert grade(everything, ["label 3"], codes=True).score < 0.05


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        ({"colour": "red", "size": 4}, {"size": 4.0, "Colour": "RED"}),
        ("colour: red; size: 4", {"colour": "red", "size": 4}),
        ("size = 4\ncolour = red", "colour: red, size: 4"),
        ([{"name": "colour", "value": "red"}, {"size": 4}], {"colour": "red", "size": 4}),
        ({"colour": ["red", "blue"]}, "colour: blue; colour: red"),
        ({"box": {"size": 4}}, {"box.size": "4"}),
        ("price: 1,200, size: 4", {"price": "1,200", "size": 4}),
        ("颜色：红；尺寸：4", {"颜色": "红", "尺寸": 4}),
    ],
)
def test_pairs_may_be_written_in_many_ways(completion: object, reference: object) -> None:
    assert grade(completion, reference).score == 1


def test_a_pair_is_right_only_with_its_value() -> None:
    reference = {"colour": "red", "size": 4}
    assert grade({"colour": "red", "size": 5}, reference).score == 0.5
    assert grade({"size": "red", "colour": 4}, reference).score == 0
    assert grade("colour, size", reference).score == 0
    assert grade({"colour": True, "size": "4"}, {"colour": "true", "size": 4}).score == 1


def test_values_can_be_compared_as_numbers_or_by_likeness() -> None:
    reference = {"total": 1200, "shop": "Olive Trading Ltd"}
    answer = {"total": "$1,200.00", "shop": "Olive Trading"}
    assert grade(answer, reference).score == 0
    assert grade(answer, reference, values="numeric").score == 0.5
    fuzzy = grade(answer, reference, values="fuzzy")
    assert fuzzy.score == pytest.approx(2 * (1 + 26 / 30) / 4)
    assert grade({"total": 1201, "shop": "Nordwind"}, reference, values="fuzzy").score == 0
    assert grade({"shop": "Store 5"}, {"shop": "Shop 5"}, values="numeric").score == 0
    assert "partly: shop: Olive Trading for shop: Olive Trading Ltd" in fuzzy.reason


def test_codes_get_the_share_of_their_leading_parts() -> None:
    assert grade("A.1.4", ["A.1.3"], codes=True).score == pytest.approx(2 / 3)
    assert grade("A.1.4", ["A.1.3"]).score == 0
    assert grade("A", ["A.1.3"], codes=True).score == pytest.approx(1 / 3)
    assert grade("B.1.3", ["A.1.3"], codes=True).score == 0
    assert grade("A.1.3.7", ["A.1.3"], codes=True).score == pytest.approx(3 / 4)


def test_codes_are_matched_so_that_the_sum_is_greatest_each_once() -> None:
    # Taken one by one, A.1.1 would take the nearest A.1.2 and leave A.1.9 with B.
    result = grade("A.1.2; A.5", ["A.1.3", "A.1.2"], codes=True)
    assert result.score == pytest.approx(2 * (1 + 1 / 3) / 4)
    assert grade("A.1.4; A.1.5; A.1.6", ["A.1.3"], codes=True).score == pytest.approx(2 * (2 / 3) / 4)
    crossed = grade("A.1.1; A.2", ["A.1.2", "A.1.1.5"], codes=True)
    assert crossed.score == pytest.approx(2 * (3 / 4 + 1 / 3) / 4)


def test_the_empty_set_is_only_the_empty_list_or_object() -> None:
    assert grade("[]", []).score == 1
    assert grade("```\n[ ]\n```", "[]").score == 1
    assert grade("{}", {}).score == 1
    for completion in ("", " ", "none", "{}", "-", "red", "[1]"):
        assert grade(completion, []).score == 0
    assert grade("[]", ["red"]).score == 0


@pytest.mark.parametrize("reference", [None, "", " , ;", float("nan"), list(range(501))])
def test_a_reference_that_is_no_set_is_unscored(reference: object) -> None:
    assert grade("red", reference).score is None


@pytest.mark.parametrize("fields", [{}, {"codes": True}, {"values": "fuzzy"}, {"values": "numeric"}])
def test_long_lists_take_little_time(fields: dict[str, object]) -> None:
    wanted = [f"A.{i}.{i + 1}" for i in range(500)]
    pairs = {"n": [f"some long name of number {i}" for i in range(500)]}
    started = time.process_time()
    assert grade([f"A.{i}.{i + 2}" for i in range(500)], wanted, **fields).score < 0.7
    assert grade({"n": [f"some long text of number {i}" for i in range(500)]}, pairs, **fields).score < 1
    assert "more than 500 items" in grade([f"A.{i}" for i in range(10_000)], wanted, **fields).reason
    assert time.process_time() - started < 4
