"""Templates are filled in one pass, and whose fault a missing value is, is told apart."""

import pytest

from graders.base import Sample
from graders.template import MissingVariable, fill, variables

ROW = {"answer": "42", "tags": ["a", "b"], "deep": {"x": [{"y": 1}]}, "a.b": "dotted", "ok": True, "none": None}


def filled(template: str, completion: str = "", row: dict[str, object] = ROW) -> str:
    return fill(template, Sample("", completion, row=row))


def test_variables_of_every_form_are_filled() -> None:
    assert filled("{{item.answer}}|{{ item.tags[1] }}|{{item.deep.x[0].y}}|{{item.a.b}}") == "42|b|1|dotted"
    assert filled("{{item.ok}} {{item.tags}}") == 'true ["a", "b"]'
    assert filled("{{sample.output_text}}: {{sample.output_json.n[0]}}", '{"n": ["é"]}') == '{"n": ["é"]}: é'
    assert filled("{{sample.choices[0].message.content}}{{sample.output_tools}}", "hi") == "hi[]"


def test_what_is_filled_in_is_not_filled_again() -> None:
    assert filled("{{sample.output_text}}", "{{item.answer}}") == "{{item.answer}}"


def test_text_in_single_braces_stays() -> None:
    assert filled('{"a": {"b": 1}} { item.answer }') == '{"a": {"b": 1}} { item.answer }'


@pytest.mark.parametrize(
    "path", ["item.missing", "item.tags[9]", "item.deep.z", "item.none", "row.answer", "item", "item..x", ""]
)
def test_a_lack_in_the_row_or_template_is_the_graders_failure(path: str) -> None:
    with pytest.raises(MissingVariable) as caught:
        filled(f"{{{{{path}}}}}")
    assert (caught.value.models_fault, caught.value.error) == (False, "invalid_variable_error")


@pytest.mark.parametrize("completion", ["prose", '{"m": 1}', "[1]", '{"n": {'])
def test_a_lack_in_the_models_json_is_the_models_failure(completion: str) -> None:
    with pytest.raises(MissingVariable) as caught:
        filled("{{sample.output_json.n}}", completion)
    assert (caught.value.models_fault, caught.value.error) == (True, "sample_parse_error")


def test_variables_are_listed_once_in_order() -> None:
    assert variables("{{item.b}} {{ item.a }} {{item.b}}") == ["item.b", "item.a"]
