"""multi: the formula's value, what becomes of graders that could not judge, and OpenAI's several ways to write it."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.multi import Multi
from graders.union import parse_grader


def check(path: str, column: str, name: str = "n") -> dict[str, str]:
    template = {"input": f"{{{{sample.output_json.{path}}}}}", "reference": f"{{{{item.{column}}}}}"}
    return {"type": "string_check", "name": name, "operation": "eq", **template}


NAME, MAIL = check("name", "name"), check("mail", "mail")
ROW = {"name": "Ada", "mail": "a@x"}


def multi(graders: object, formula: str, **fields: object) -> Multi:
    grader = parse_grader({"type": "multi", "graders": graders, "calculate_output": formula, **fields})
    assert isinstance(grader, Multi)
    return grader


def grade(grader: Multi, completion: str, row: Mapping[str, Any] = ROW, reference: object = None) -> Grade:
    return grader.grade(Sample("", completion, reference, row))


def test_the_formula_is_over_the_graders_scores() -> None:
    grader = multi({"name": NAME, "mail": MAIL}, "(3 * name + mail) / 4", pass_threshold=0.75, name="both")
    result = grade(grader, '{"name": "Ada", "mail": "b@x"}')
    assert (result.score, result.raw) == (0.75, 0.75)
    assert result.parts == {"name": 1.0, "mail": 0.0}
    assert result.reason == "(3 * name + mail) / 4 = 0.75; name 1: 'Ada' equals 'Ada'; mail 0: 'b@x' is not 'a@x'"
    assert grader.passed(result)


def test_graders_of_ours_work_inside() -> None:
    grader = multi({"sum": {"type": "numeric", "parsed_credit": 0.5}, "say": {"type": "exact_match"}}, "max(sum, say)")
    assert grade(grader, "#### 7", reference="8").score == 0.5
    assert grade(grader, "#### 8", reference="8").score == 1


def test_a_declared_range_is_scaled_and_a_value_outside_is_unscored() -> None:
    graders = {"name": NAME, "mail": MAIL}
    right = '{"name": "Ada", "mail": "a@x"}'
    assert grade(multi(graders, "5 * name + mail - 1", range=[-1, 5]), right).score == 1
    result = grade(multi(graders, "5 * name"), right)
    assert (result.score, result.raw, result.errors) == (None, 5, ("other_error",))
    assert "range: [0, 5]" in result.reason


def test_a_grader_with_a_range_gives_its_own_number_every_other_its_score() -> None:
    inner = multi({"name": NAME}, "4 * name", range=[0, 8])
    outer = multi({"name": NAME}, "name").model_copy(update={"graders": {"name": inner}})
    assert grade(outer, '{"name": "Ada"}').parts == {"name": 4}


def test_an_unscored_grader_leaves_the_whole_unscored_unless_the_formula_does_not_name_it() -> None:
    row = {"name": "Ada"}
    graders = {"name": NAME, "mail": MAIL}
    result = grade(multi(graders, "name + mail"), '{"name": "Ada", "mail": "a@x"}', row)
    assert (result.score, result.errors) == (None, ("invalid_variable_error",))
    assert result.reason.startswith("mail could not judge")
    assert "there is no mail in it" in result.reason
    assert grade(multi(graders, "name"), '{"name": "Ada", "mail": "a@x"}', row).score == 1


def test_output_that_does_not_parse_counts_as_0_and_is_named() -> None:
    graders = {"name": NAME, "sum": {"type": "numeric"}}
    result = grade(multi(graders, "0.5 * name + 0.5 * sum"), "#### 7", reference="7")
    assert (result.score, result.errors) == (0.5, ("sample_parse_error",))


@pytest.mark.parametrize("formula", ["1 / name", "log(name)", "(name - 1) ^ 0.5", "9 ^ 9 ^ 9 ^ (9 + name)"])
def test_a_formula_without_a_value_is_the_graders_failure(formula: str) -> None:
    result = grade(multi({"name": NAME}, formula), '{"name": "Bob"}')
    assert (result.score, result.errors) == (None, ("other_error",))
    assert "the formula has no value" in result.reason


def test_a_list_is_known_by_name_or_by_type_as_the_api_reference_has_it() -> None:
    listed = [check("name", "name", "a"), check("mail", "mail", "b")]
    assert list(multi(listed, "a + b").graders) == ["a", "b"]
    mixed = [{**NAME, "name": "my check"}, {"type": "numeric"}]
    assert list(multi(mixed, "0.5 * string_check_score + 0.5 * numeric_score").graders) == [
        "string_check_score",
        "numeric_score",
    ]
    assert list(multi({**NAME, "name": "one"}, "one").graders) == ["one"]


@pytest.mark.parametrize(
    ("graders", "formula", "said"),
    [
        ({"a": NAME}, "a +", "formula_parse_error: the formula ends"),
        ({"a": NAME}, "a + b + c", "formula_parse_error: the formula names b, c, and no grader has that name"),
        ({"my a": NAME}, "a", "there are: my a; a name that a formula uses is letters, digits and _"),
        ({"a": {"type": "multi", "graders": {"b": NAME}, "calculate_output": "b"}}, "a", "cannot hold another one"),
        ([{**NAME, "name": "a"}, {**NAME, "name": "a"}], "a", "grader 2 of the list needs a name of its own"),
        ([{"type": "numeric"}], "a", "grader 1 of the list needs a name of its own"),
        ([7], "a", "needs a name of its own"),
        ({}, "1", "graders: takes 1 or more"),
        ({"a": {"type": "numeric", "abs_tolerence": 1}}, "a", "abs_tolerence' (did you mean 'abs_tolerance'?)"),
        ({"a": {**NAME, "operation": "is"}}, "a", "graders.a.string_check.operation"),
        ({"a": {"type": "numerik"}}, "a", "'numerik'"),
        ("a", "a", "graders: takes a mapping"),
    ],
)
def test_what_cannot_work_is_refused_at_load(graders: object, formula: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        multi(graders, formula)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("fields", "pass_at"),
    [({"pass_threshold": 4, "range": [0, 7]}, 0.571428571), ({"pass_threshold": None}, 1), ({"pass_at": 0.2}, 0.2)],
)
def test_a_threshold_is_in_the_units_of_the_range(fields: dict[str, object], pass_at: float) -> None:
    grader = multi({"a": NAME, "b": NAME}, "3 * a + b", **fields)
    assert grader.pass_at == pass_at
    if "range" in fields:
        assert grader.passed(grade(grader, '{"name": "Ada"}'))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"pass_threshold": 5},
            "no grade reaches pass_threshold 5: the range is [0, 1]; declare one such as range: [0, 5]",
        ),
        ({"pass_threshold": 0}, "a number above 0"),
        ({"pass_threshold": "high"}, "'high'"),
        ({"pass_threshold": 0.5, "pass_at": 0.5}, "give one of them"),
        ({"pass_threshold": 1, "range": [1, 0]}, "the lower one first"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as error:
        multi({"a": NAME}, "a", **fields)
    assert said in str(error.value)


def test_it_comes_back_from_yaml_without_the_defaults() -> None:
    grader = multi({"name": NAME, "sum": {"type": "numeric"}}, "name * sum", pass_threshold=0.5)
    text = yaml.safe_dump(grader.model_dump(mode="json", exclude_defaults=True))
    assert parse_grader(yaml.safe_load(text)) == grader


def test_fitting_reaches_the_graders_inside() -> None:
    open_, closed = ({"label": {"type": "choice", **fields}} for fields in ({}, {"choices": ["no", "yes"]}))
    assert multi(open_, "label").fitted(["yes", "no"] * 20) == multi(closed, "label")
