"""docs/graders.md: each example loads, and each grader has one."""

import re
from pathlib import Path

import pytest
import yaml

from graders.base import Sample
from graders.union import GRADERS, parse_grader

GUIDE = (Path(__file__).parents[2] / "docs" / "graders.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split("\n", 1)[0])
def test_an_example_is_a_valid_grader(example: str) -> None:
    config = yaml.safe_load(example)
    grader = parse_grader(config)
    assert grader.type == config["type"]


def test_every_grader_has_an_example() -> None:
    assert {yaml.safe_load(example)["type"] for example in EXAMPLES} == set(GRADERS)


def test_a_penalty_multiplies_so_that_a_short_wrong_answer_earns_nothing() -> None:
    [example] = [example for example in EXAMPLES if "answer * brevity" in example]
    grader = parse_grader(yaml.safe_load(example))
    answers = {"right": "It is 7", "wrong": "It is 8", "long": "word " * 297 + "It is 7"}
    scores = {name: grader.grade(Sample("3 + 4?", answer, "7")).score for name, answer in answers.items()}
    assert scores == {"right": 1, "wrong": 0, "long": pytest.approx(0.5)}


def test_the_table_and_the_text_name_only_graders_that_there_are() -> None:
    table = GUIDE.split("## Which one", 1)[1].split("## Partial credit", 1)[0]
    assert set(re.findall(r"`(\w+)`", table)) <= set(GRADERS)
    assert set(re.findall(r"^\*\*`(\w+)`\*\*:", GUIDE, re.MULTILINE)) <= set(GRADERS)
