"""parse_grader: a mapping becomes a grader, or a message that says what to change."""

import pytest
import yaml

from graders.choice import Choice
from graders.errors import UserError
from graders.union import GRADERS, parse_grader
from tests.graders.test_any_text import MINIMAL


def test_a_yaml_mapping_becomes_its_grader() -> None:
    grader = parse_grader(yaml.safe_load("{type: choice, choices: [yes it is, 'no', 3], pass_at: 0.5}"))
    assert grader == Choice(choices=("yes it is", "no", "3"), pass_at=0.5)


@pytest.mark.parametrize("name", sorted(GRADERS))
def test_every_type_is_known_by_its_name(name: str) -> None:
    assert type(parse_grader({"type": name} | MINIMAL[name])) is GRADERS[name]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("numeric", "a mapping such as {type: numeric}"),
        ({}, "the grader has no type"),
        ({"type": "numerik"}, "did you mean 'numeric'?"),
        ({"type": ["numeric"]}, "there is no grader type"),
        ({"type": "numeric", "abs_tolerence": 1}, "unknown key 'abs_tolerence' (did you mean 'abs_tolerance'?)"),
        ({"type": "numeric", "abs_tolerance": "much"}, "abs_tolerance: takes a number"),
        ({"type": "json_fields", "fields": {"a": "fuzy"}}, "fields.a.compare: takes 'exact', 'numeric'"),
        ({"type": "json_fields", "fields": {"a": {"wight": 2}}}, "'fields.a.wight' (did you mean 'weight'?)"),
        ({"type": "sql", "database": "a", "weights": {"row": 1}}, "'weights.row' (did you mean 'rows'?)"),
        ({"type": "choice", "choices": [True, False]}, "write such a choice in quotes"),
        ({"type": "choice", "choices": ["A"]}, "choices: name two or more choices"),
    ],
)
def test_a_faulty_mapping_is_refused_with_what_to_change(config: object, said: str) -> None:
    with pytest.raises(UserError) as error:
        parse_grader(config, where="plan.yaml:7")
    assert said in str(error.value)
    assert str(error.value).startswith("plan.yaml:7: ")


def test_every_fault_is_reported_at_once() -> None:
    with pytest.raises(UserError, match=r"pass_at.*unknown key 'x'"):
        parse_grader({"type": "numeric", "pass_at": 2, "x": 1})
