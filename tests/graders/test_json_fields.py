"""json_fields: credit per field, and what is said about each that failed."""

import json
import os
import time
from pathlib import Path

import pytest

from graders.base import Grade, Sample
from graders.json_fields import JsonFields

BILL = {"shop": "Olive Ltd", "total": 3.5, "address": {"city": "Leeds", "zip": "LS1"}, "items": ["oil", "salt"]}


def grade(completion: object, reference: object = BILL, **fields: object) -> Grade:
    text = completion if isinstance(completion, str) else json.dumps(completion)
    return JsonFields.model_validate(fields).grade(Sample("Read it.", text, reference, {"vendor": "Olive Ltd"}))


def shares(result: Grade) -> dict[str, float | None]:
    return {name: share for name, share in result.parts.items() if not name.startswith("fields ")}


def test_all_fields_right_scores_1_in_any_order_with_the_reference_as_text_too() -> None:
    turned = dict(reversed(BILL.items()))
    assert grade(turned).score == 1
    assert grade(turned, json.dumps(BILL)).score == 1
    assert shares(grade(turned)) == dict.fromkeys(
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
    assert result.parts["fields missing"] == pytest.approx(1 / 6)
    assert result.parts["fields of the wrong type"] == pytest.approx(1 / 6)
    assert result.parts["fields extra"] == pytest.approx(1 / 6)


def test_extra_fields_can_be_allowed() -> None:
    assert grade(BILL | {"note": 1}).score == pytest.approx(6 / 7)
    assert grade(BILL | {"note": 1}, allow_extra=True).score == 1


def test_a_nested_value_where_a_leaf_is_wanted_is_a_wrong_type() -> None:
    assert "wrong type: shop" in grade(BILL | {"shop": {"name": "Olive Ltd"}}).reason
    assert "wrong type: total" in grade(BILL | {"total": True}).reason


def test_fields_are_compared_as_their_rules_say() -> None:
    rules = {"shop": "fuzzy", "total": {"compare": "numeric", "weight": 3, "tolerance": 0.01}}
    result = grade(BILL | {"shop": "OLIVE  LTD.", "total": "$3.505"}, fields=rules)
    assert shares(result) == {"shop": pytest.approx(18 / 19), "total": 1.0}
    assert result.score == pytest.approx((18 / 19 + 3) / 4)


def test_fuzzy_below_its_minimum_scores_0() -> None:
    assert grade(BILL | {"shop": "Nordwind"}, fields={"shop": "fuzzy"}).score == 0
    assert grade(BILL | {"shop": "Olive"}, fields={"shop": {"compare": "fuzzy", "min_similarity": 0.5}}).score == (
        pytest.approx(10 / 14)
    )


def test_numeric_reads_text_but_not_a_date() -> None:
    assert grade({"sum": "1,200.00"}, {"sum": 1200}, fields={"sum": "numeric"}).score == 1
    assert grade({"sum": "12%"}, {"sum": 0.12}, fields={"sum": "numeric"}).score == 1
    assert grade({"sum": "CHF 1'200"}, {"sum": 1200}, fields={"sum": "numeric"}).score == 0
    assert grade({"sum": "约1200元"}, {"sum": 1200}, fields={"sum": "numeric"}).score == 1
    assert grade({"sum": "the sum is 1200"}, {"sum": 1200}, fields={"sum": "numeric"}).score == 0
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
    assert shares(result) == {"[0].n": 1.0, "[1].n": 0.0}


def test_a_list_with_the_rule_set_is_compared_in_any_order_and_listing_more_costs() -> None:
    rules = {"shop": "exact", "items": "set"}
    assert grade(BILL | {"items": ["salt", "oil"]}, fields=rules).score == 1
    listed = grade(BILL | {"items": ["salt", "oil", "tea", "jam"]}, fields=rules)
    assert shares(listed) == {"shop": 1.0, "items": pytest.approx(2 * 2 / 6)}
    assert listed.parts["fields extra"] == 0
    assert grade(BILL | {"items": "oil, salt"}, fields=rules).reason.startswith(
        "1 of 2 fields right; wrong type: items"
    )
    mixed = [1, True, {"a": [1]}, "x  y", None]
    assert grade({"m": [None, "x y", {"a": [1]}, True, 1.0]}, {"m": mixed}, fields={"m": "set"}).score == 1
    assert grade({"m": [True]}, {"m": [1]}, fields={"m": "set"}).score == 0


def test_a_rule_for_each_item_shares_its_weight_among_them() -> None:
    reference = {"day": "1 May", "lines": [{"name": "oil", "sum": 2}, {"name": "salt", "sum": 1}]}
    rules = {"day": {"weight": 2}, "lines[*].name": "exact", "lines[*].sum": "numeric"}
    answer = {"day": "1 May", "lines": [{"name": "oil", "sum": "2.00"}, {"name": "tea", "sum": 1}]}
    result = grade(answer, reference, fields=rules)
    assert result.score == pytest.approx((2 + 0.5 + 1) / 4)
    assert shares(result) == {
        "day": 1.0,
        "lines[0].name": 1.0,
        "lines[1].name": 0.0,
        "lines[0].sum": 1.0,
        "lines[1].sum": 1.0,
    }
    third = answer | {"lines": [*reference["lines"], {"name": "tea"}]}
    assert grade(third, reference, fields=rules).score == pytest.approx(4 / 5)


def test_a_rule_can_name_a_whole_object_and_rules_do_not_overlap() -> None:
    assert grade(BILL, fields={"address": "exact"}).score == 1
    assert grade(BILL | {"address": {"city": "Leeds"}}, fields={"address": "exact"}).score == 0
    with pytest.raises(ValueError, match=r"address\.city lies in address"):
        grade(BILL, fields={"address": "exact", "address.city": "exact"})


def test_null_and_a_flat_value_are_told_from_a_field_that_is_wrong() -> None:
    result = grade(BILL | {"shop": None, "address": "Leeds LS1", "items": []})
    for said in ("missing: shop is null", "wrong type: address.city (address is 'Leeds LS1')", "missing: items[1]"):
        assert said in result.reason
    assert "extra" not in result.reason
    assert result.score == pytest.approx(1 / 6)


def test_an_optional_field_is_left_out_where_the_reference_lacks_it() -> None:
    rules = {"shop": {"optional": True}, "vat": {"optional": True}}
    assert shares(grade(BILL, fields=rules)) == {"shop": 1.0}
    assert grade(BILL, fields={"shop": "exact", "vat": "exact"}).score is None
    assert grade(BILL, fields={"vat": {"optional": True}}).score is None


@pytest.mark.parametrize(
    "completion",
    [
        json.dumps({"k" * 300_000: [1] * 200_000}),
        json.dumps({"k" * 30_000: [1] * 200_000}),
        json.dumps([0] * 500_000),
        json.dumps({f"k{i}": i for i in range(50_000)}),
        '{"items": ' + "[" * 900 + "]" * 900 + "}",
        '{"items": [' + '{"a":' * 300 + "1" + "}" * 300 + "]}",
    ],
    ids=["key too long", "paths too long", "long list", "many keys", "deep list", "deep items"],
)
@pytest.mark.parametrize("fields", [None, {"items": "set", "total": "numeric", "shop": "fuzzy"}])
def test_valid_json_of_hostile_size_scores_nothing_soon(completion: str, fields: object) -> None:
    started = time.process_time()
    result = grade(completion, fields=fields)
    assert time.process_time() - started < 2
    assert result.score == 0


@pytest.mark.skipif("FINETUNE_ADVISOR_DATA" not in os.environ, reason="FINETUNE_ADVISOR_DATA names no folder of data")
def test_receipts_get_exactly_the_share_of_the_fields_that_are_right() -> None:
    path = Path(os.environ["FINETUNE_ADVISOR_DATA"]) / "sroie" / "sroie.jsonl"
    rows = [json.loads(line)["fields"] for line in path.read_text(encoding="utf-8").splitlines()]
    rules = {
        "company": "exact",
        "date": "exact",
        "address": {"compare": "fuzzy", "optional": True},
        "total": {"compare": "numeric", "weight": 2},
    }
    changed = {"company": "Nobody & Sons", "date": "31/02/1899", "address": "?", "total": "987654.32"}
    weights = {name: 2 if name == "total" else 1 for name in changed}
    assert len(rows) == 626
    for row in rows:
        assert grade(row, row).score == 1
        assert grade(row, row, fields=rules).score == 1
        for name in row:
            wrong = grade(row | {name: changed[name]}, row, fields=rules)
            assert wrong.score == pytest.approx(1 - weights[name] / sum(weights[key] for key in row))
            assert grade(row | {name: changed[name]}, row).score == pytest.approx(1 - 1 / len(row))


@pytest.mark.parametrize(
    "text",
    ["Here it is: {}", "{}\nDone {{ok}}.", "The schema {{name}} gives {} [1].", "<answer>{}</answer>", "```\n{}```"],
)
def test_json_in_prose_is_read_and_the_last_object_counts(text: str) -> None:
    answer, other = json.dumps(BILL), json.dumps({"shop": "no"})
    assert grade(text.format(answer), BILL).score == 1
    assert (grade(text.format(answer) + f" or {other}", BILL).score or 0) < 1
    assert grade(text.format(answer), BILL, allow_fences=False).score == 0


def test_brackets_without_end_are_read_soon() -> None:
    started = time.process_time()
    for text in ("{" * 10**6, '{"a":' * 10**5, "[" * 10**6, "x {" + '"a": [1,' * 10**5, "say {} " * 10**5):
        assert grade(text, BILL).score == 0
    assert time.process_time() - started < 10


def test_what_is_no_json_is_no_answer_that_was_found() -> None:
    assert grade("I cannot read this.").extracted is None
    assert grade(BILL).extracted is not None
