"""string_check: the four operations, templates, and whose fault a value is that is not there."""

import pytest

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.union import parse_grader

FIELDS = {"type": "string_check", "name": "n", "input": "{{sample.output_text}}", "reference": "{{item.answer}}"}


def grade(completion: str, answer: object = "Lima", **fields: object) -> Grade:
    grader = parse_grader({**FIELDS, "operation": "eq", **fields})
    return grader.grade(Sample("", completion, row={"answer": answer}))


@pytest.mark.parametrize(
    ("operation", "completion", "score"),
    [
        ("eq", "Lima", 1),
        ("eq", "lima", 0),
        ("eq", "Lima ", 0),
        ("ne", "Lima", 0),
        ("ne", "lima", 1),
        ("neq", "lima", 1),
        ("like", "It is Lima.", 1),
        ("like", "It is LIMA.", 0),
        ("like", "Lim", 0),
        ("ilike", "It is LIMA.", 1),
        ("ilike", "Quito", 0),
    ],
)
def test_texts_compare_as_openai_says(operation: str, completion: str, score: float) -> None:
    assert grade(completion, operation=operation).score == score


def test_the_reason_quotes_both_texts() -> None:
    assert grade("Quito").reason == "'Quito' is not 'Lima'"
    assert grade("see LIMA", operation="ilike").reason == "'see LIMA' contains, but for case, 'Lima'"
    assert grade("Quito").extracted == "Quito"


@pytest.mark.parametrize("operation", ["like", "ilike"])
def test_an_empty_text_is_contained_in_every_text_and_earns_nothing(operation: str) -> None:
    assert grade("anything", answer=" ", operation=operation).score is None
    turned = {"input": "{{item.answer}}", "reference": "{{sample.output_text}}"}
    assert grade("", operation=operation, **turned).score == 0
    assert grade("im", operation=operation, **turned).score == 1


def test_a_row_without_the_variable_is_unscored_whatever_the_model_wrote() -> None:
    for answer in ("{{item.missing}}", "{{item.answer}}"):
        result = grade("no JSON", answer=None, input="{{sample.output_json.city}}", reference=answer)
        assert (result.score, result.errors) == (None, ("invalid_variable_error",))


def test_output_that_is_no_json_scores_0_with_openais_error() -> None:
    result = grade("no JSON", input="{{sample.output_json.city}}")
    assert (result.score, result.errors) == (0, ("sample_parse_error",))
    assert "the output is no JSON: 'no JSON'" in result.reason
    assert grade('{"city": "Lima"}', input="{{sample.output_json.city}}").score == 1


def test_a_threshold_becomes_pass_at() -> None:
    assert parse_grader({**FIELDS, "operation": "eq", "pass_threshold": 0.5}).pass_at == 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [({"operation": "contains"}, "'eq', 'ne', 'like' or 'ilike'"), ({"input": None}, "input"), ({"x": 1}, "'x'")],
)
def test_a_faulty_one_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as error:
        parse_grader({**FIELDS, "operation": "eq", **change})
    assert said in str(error.value)


def test_it_needs_the_row_only_where_a_template_reads_it() -> None:
    assert parse_grader({**FIELDS, "operation": "eq"}).needs_reference
    assert not parse_grader({**FIELDS, "operation": "like", "reference": "Sincerely,"}).needs_reference
