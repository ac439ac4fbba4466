"""json_schema: valid or not, the share that is, and schemas that cannot work."""

import datetime
import json
import pickle
import time
from pathlib import Path

import pytest
import yaml

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.json_schema import JsonSchema
from graders.union import parse_grader
from pipelines.plan_file import load_plan

ADDRESS = {"type": "object", "required": ["city", "zip"], "properties": {"city": {"type": "string"}}}
COMPANY = {
    "type": "object",
    "required": ["name", "revenue", "address", "products"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "revenue": {"type": "number", "minimum": 0},
        "address": {"$ref": "#/$defs/address"},
        "products": {"type": "array", "items": {"type": "object", "required": ["id", "sum"]}, "minItems": 1},
        "note": {"type": "string"},
    },
    "additionalProperties": False,
    "$defs": {"address": ADDRESS},
}
RIGHT = {
    "name": "Olive Ltd",
    "revenue": 3.5,
    "address": {"city": "Leeds", "zip": "LS1"},
    "products": [{"id": 1, "sum": 2}, {"id": 2, "sum": 3}],
}


def grade(completion: object, schema: dict[str, object] = COMPANY, **fields: object) -> Grade:
    text = completion if isinstance(completion, str) else json.dumps(completion)
    return JsonSchema.model_validate({"json_schema": schema, **fields}).grade(Sample("Read it.", text))


def test_a_valid_answer_scores_1_without_a_reference() -> None:
    assert grade(RIGHT).score == 1
    assert grade(RIGHT | {"note": "x"}).score == 1
    assert not JsonSchema.needs_reference


@pytest.mark.parametrize(
    ("changed", "share"),
    [
        ({"revenue": None}, 3 / 4),
        ({"revenue": -1}, 3 / 4),
        ({"address": {"city": "Leeds"}}, (3 + 1 / 2) / 4),
        ({"address": {"city": 7}}, 3 / 4),
        ({"address": "Leeds"}, 3 / 4),
        ({"products": []}, 3 / 4),
        ({"products": [{"id": 1, "sum": 2}, {"id": 2}]}, (3 + 3 / 4) / 4),
        ({"products": [{"id": 1}, 5]}, (3 + 1 / 4) / 4),
        ({"note": 5}, 4 / 5),
        ({"x": 1, "y": 2}, 4 / 6),
    ],
)
def test_each_property_that_is_required_or_wrong_has_its_share(changed: dict[str, object], share: float) -> None:
    assert grade(RIGHT | changed).score == pytest.approx(share)


def test_what_is_missing_is_named_and_scores_0_in_the_parts() -> None:
    result = grade({key: value for key, value in RIGHT.items() if key != "revenue"} | {"address": {"city": "Leeds"}})
    assert result.score == pytest.approx((1 + 0.5 + 1) / 4)
    assert result.parts == {"name": 1.0, "revenue": 0.0, "address": 0.5, "products": 1.0}
    assert "'revenue' is a required property" in result.reason
    assert "address: 'zip' is a required property" in result.reason


@pytest.mark.parametrize("completion", ["", "prose", "{", "[" * 100_000, '{"name": NaN}', "7", "null", "[]", "{}"])
def test_what_is_no_json_or_not_the_object_scores_0(completion: str) -> None:
    assert grade(completion).score == 0


def test_fences_are_read_unless_switched_off() -> None:
    fenced = "Here:\n```json\n" + json.dumps(RIGHT) + "\n```"
    assert grade(fenced).score == 1
    assert grade(fenced, allow_fences=False).score == 0


def test_openais_response_format_is_a_grader_as_it_is() -> None:
    bare = {"name": "company", "strict": True, "schema": COMPANY}
    wrapped = {"type": "json_schema", "json_schema": bare}
    graders = [parse_grader(wrapped), parse_grader({"type": "json_schema", "json_schema": wrapped})]
    assert graders == [parse_grader({"type": "json_schema", "json_schema": COMPANY})] * 2
    assert graders[0].grade(Sample("", json.dumps(RIGHT))).score == 1
    assert graders[0].grade(Sample("", "{}")).score == 0


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "objct"}, "at type: 'objct' is not valid"),
        ({"properties": {"a": {"minLength": "x"}}}, "at properties/a/minLength: 'x' is not of type 'integer'"),
        ({"pattern": "(("}, "at pattern: '((' is not a 'regex'"),
        ({"$ref": "https://example.com/a.json"}, "only references inside the schema"),
        ({"properties": {"a": {"$ref": "other.json#/b"}}}, "only references inside the schema"),
        ({"properties": {"a": {"$ref": "#/$defs/nothing"}}}, "it refers to '#/$defs/nothing', which is not in it"),
        ({"const": datetime.date(2024, 5, 1)}, "it holds what JSON does not know"),
        ({"patternProperties": {"a{999999999}": {}}}, "a count above 9999 is too large"),
        ({"$schema": 7}, "which is no known draft"),
        ({"$ref": "#"}, "it refers to itself without end"),
        ({"$schema": "https://example.com/draft", "type": "object"}, "which is no known draft"),
        ("object", "takes a mapping"),
        (None, "give json_schema or schema_file"),
    ],
)
def test_a_schema_that_cannot_work_is_refused_at_load(schema: object, said: str) -> None:
    with pytest.raises(UserError) as error:
        parse_grader({"type": "json_schema", "json_schema": schema})
    assert said in str(error.value)


def test_older_drafts_and_data_that_looks_like_references_are_fine() -> None:
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"n": {"type": "number"}}}
    schema = draft7 | {"properties": {"a": {"$ref": "#/definitions/n"}, "$ref": {"const": {"$ref": "x.json"}}}}
    assert grade({"a": 1, "$ref": {"$ref": "x.json"}}, schema).score == 1
    assert grade({"a": "1"}, schema).score == 0


def test_a_schema_that_holds_itself_is_followed_as_deep_as_the_answer_goes() -> None:
    tree = {"$defs": {"tree": {"required": ["v"], "properties": {"next": {"$ref": "#/$defs/tree"}}}}}
    schema = tree | {"$ref": "#/$defs/tree"}
    assert grade({"v": 1, "next": {"v": 2, "next": {"v": 3}}}, schema).score == 1
    assert grade({"v": 1, "next": {"v": 2, "next": {}}}, schema).score == pytest.approx((1 + (1 + 0) / 2) / 2)


def test_every_fault_costs_something() -> None:
    for schema in (
        {"required": ["a"], "minProperties": 3},
        {"required": ["a"], "dependentRequired": {"a": ["z"]}},
        {"required": ["a"], "not": {"required": ["b"]}},
        {"required": ["a"], "anyOf": [{"required": ["z"]}, {"maxProperties": 1}]},
        {"allOf": [{"required": ["a", "z"]}]},
        {"if": {"required": ["a"]}, "then": {"required": ["z"]}},
        {"unevaluatedProperties": False, "properties": {"a": True}},
        {"propertyNames": {"pattern": "^a$"}, "required": ["a"]},
        {"patternProperties": {"^b": {"type": "null"}}, "required": ["a"]},
        {"properties": {"b": {"uniqueItems": True}}, "required": ["a", "b"]},
    ):
        assert 0 <= grade({"a": 1, "b": [1, 1.0]}, schema).score < 1


def test_a_slow_pattern_is_the_graders_failure_and_soon_over() -> None:
    schema = {"properties": {"a": {"items": {"pattern": "^(x|xx|x+y?)+$"}}}}
    assert grade({"a": ["xxy"] * 100}, schema).score == 1
    started = time.process_time()
    result = grade({"a": ["x" * 40 + "!"] * 100}, schema)
    assert time.process_time() - started < 8
    assert result.score is None
    assert result.reason == "the schema's pattern '^(x|xx|x+y?)+$' takes too long"


@pytest.mark.parametrize(
    "value",
    [
        [{"a": i} for i in range(14_000)],
        [{"a": 1}] * 20_000,
        [{"b": i} for i in range(20_000)],
        {f"k{i}": 1 for i in range(15_000)},
        [1] * 99_000,
        "x" * 199_000,
    ],
    ids=["different items", "equal items", "bad items", "extra keys", "bad numbers", "text"],
)
def test_large_json_takes_little_time(value: object) -> None:
    item = {"type": "object", "required": ["a"], "additionalProperties": False, "properties": {"a": {}}}
    schema = {"type": ["array", "object"], "items": item, "uniqueItems": True, "additionalProperties": False}
    started = time.process_time()
    result = grade(value, schema)
    assert time.process_time() - started < 3
    assert (result.score == 1) == (value[-1:] == [{"a": 13_999}] if isinstance(value, list) else False)
    assert isinstance(result.score, float)


def test_numbers_beyond_floats_do_not_break_it() -> None:
    schema = {"properties": {"a": {"multipleOf": 0.1}}}
    assert grade('{"a": 1e999}', schema).score == 0
    assert grade('{"a": ' + "1" * 4000 + "}", schema).score in (0, 1)


def test_a_schema_file_is_read_beside_the_plan_and_belongs_to_its_files(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text(json.dumps({"name": "c", "schema": COMPANY}))
    (tmp_path / "plan.yaml").write_text(
        "name: p\ndata: {train: rows.csv}\nmetric: a\nstages: [{type: evaluate, name: b}]\n"
        "graders: {a: {type: json_schema, schema_file: schema.json}}\n"
    )
    grader = load_plan(tmp_path / "plan.yaml").plan.graders["a"]
    assert grader.files() == ("schema.json",)
    assert grader.grade(Sample("", json.dumps(RIGHT))).score == 1
    assert grader.grade(Sample("", '{"name": 1}')).score == 0
    assert pickle.loads(pickle.dumps(grader)) == grader
    again = JsonSchema.model_validate(yaml.safe_load(yaml.safe_dump(grader.model_dump())), context={"folder": tmp_path})
    assert again == grader


@pytest.mark.parametrize("content", [None, "{", "[]", '{"type": "objct"}', "\udcff"])
def test_a_schema_file_that_cannot_be_used_is_named_at_load(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    if content is not None:
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"schema file .*schema\.json|no valid JSON schema"):
        parse_grader({"type": "json_schema", "schema_file": str(path)})


def test_what_is_no_json_is_no_answer_that_was_found() -> None:
    assert grade("I cannot read this.").extracted is None
    assert grade(RIGHT).extracted is not None
