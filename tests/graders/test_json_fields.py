"""json_fields: credit per field, and what is said about each that failed."""

import json

import pytest

from graders.base import Grade, Sample
from graders.json_fields import JsonFields

BILL = {"shop": "Olive Ltd", "total": 3.5, "address": {"city": "Leeds", "zip": "LS1"}, "items": ["oil", "salt"]}


def grade(completion: object, reference: object = BILL, **fields: object) -> Grade:
    text = completion if isinstance(completion, str) else json.dumps(completion)
    return JsonFields.model_validate(fields).grade(Sample("Read it.", text, reference, {"vendor": "Olive Ltd"}))


def test_all_fields_right_scores_1_in_any_order_with_the_reference_as_text_too() -> None:
    turned = dict(reversed(BILL.items()))
    assert grade(turned).score == 1
    assert grade(turned, json.dumps(BILL)).score == 1
    assert grade(turned).parts == dict.fromkeys(
        ["shop", "total", "address.city", "address.zip", "items[0]", "items[1]"], 1.0
    )


def test_missing_wrong_wrong_type_and_extra_are_told_apart() -> None:
    answer = {"shop": "Oliver", "total": "3.5", "address": {"city": "Leeds"}, "items": ["oil", "salt"], "note": "x"}
    result = grade(answer)
    assert result.score == pytest.approx(3 / 7)
    assert result.parts["address.city"] == 1
    assert result.parts["shop"] == 0
    for said in (
        "3 of 6 fields right",
        "wrong: shop is 'Oliver', wanted 'Olive Ltd'",
        "wrong type: total is '3.5', wanted '3.5'",
        "missing: address.zip",
        "extra: note",
    ):
        assert said in result.reason


def test_extra_fields_can_be_allowed() -> None:
    assert grade(BILL | {"note": 1}).score == pytest.approx(6 / 7)
    assert grade(BILL | {"note": 1}, allow_extra=True).score == 1


def test_a_nested_value_where_a_leaf_is_wanted_is_a_wrong_type() -> None:
    assert "wrong type: shop" in grade(BILL | {"shop": {"name": "Olive Ltd"}}).reason
    assert "wrong type: total" in grade(BILL | {"total": True}).reason


def test_fields_are_compared_as_their_rules_say() -> None:
    rules = {"shop": "fuzzy", "total": {"compare": "numeric", "weight": 3, "tolerance": 0.01}}
    result = grade(BILL | {"shop": "OLIVE  LTD.", "total": "$3.505"}, fields=rules)
    assert result.parts == {"shop": pytest.approx(18 / 19), "total": 1.0}
    assert result.score == pytest.approx((18 / 19 + 3) / 4)


def test_fuzzy_below_its_minimum_scores_0() -> None:
    assert grade(BILL | {"shop": "Nordwind"}, fields={"shop": "fuzzy"}).score == 0
    assert grade(BILL | {"shop": "Olive"}, fields={"shop": {"compare": "fuzzy", "min_similarity": 0.5}}).score == (
        pytest.approx(10 / 14)
    )


def test_numeric_reads_text_but_not_a_date() -> None:
    assert grade({"sum": "1,200.00"}, {"sum": 1200}, fields={"sum": "numeric"}).score == 1
    assert grade({"sum": "12%"}, {"sum": 0.12}, fields={"sum": "numeric"}).score == 1
    assert grade({"sum": "1 and 1200"}, {"sum": 1200}, fields={"sum": "numeric"}).score == 0


def test_a_field_can_be_compared_with_a_column() -> None:
    assert grade({"shop": "Olive Ltd"}, None, fields={"shop": {"column": "vendor"}}).score == 1
    assert grade({"shop": "Olive Ltd"}, None, fields={"shop": {"column": "seller"}}).score is None


@pytest.mark.parametrize(
    "completion", ['```json\n{"a": 1}\n```', 'So:\n```\n{"a": 1}\n```\nDone.', '```\n{"a": 2}\n```\n```json\n{"a": 1}']
)
def test_code_fences_are_read_unless_switched_off(completion: str) -> None:
    assert grade(completion, {"a": 1}).score == 1
    assert grade(completion, {"a": 1}, allow_fences=False).score == 0


@pytest.mark.parametrize(
    "completion", ["", "{", "prose", "[" * 100_000, '{"a":' * 60 + "1" + "}" * 60, "7", "9" * 5000]
)
def test_what_does_not_parse_scores_0_and_says_so(completion: str) -> None:
    result = grade(completion)
    assert result.score == 0
    assert result.reason.startswith("the completion is no JSON to compare")


@pytest.mark.parametrize("reference", [None, "", "prose", "7", 7, {}, "{}"])
def test_a_reference_that_is_no_json_is_unscored(reference: object) -> None:
    assert grade({"a": 1}, reference).score is None


def test_a_list_is_compared_by_position() -> None:
    result = grade([{"n": 1}, {"n": 3}], [{"n": 1}, {"n": 2}])
    assert result.score == 0.5
    assert result.parts == {"[0].n": 1.0, "[1].n": 0.0}
