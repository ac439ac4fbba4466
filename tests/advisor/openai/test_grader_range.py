"""A range is proposed where a grader's own numbers show that it needs one."""

import pytest

from advisor.openai.grader import with_range

COUNTDOWN = """
import json

def closeness(distance):
    if distance <= 1:
        return 4
    return 3 if distance <= 5 else 2

def grade(sample, item):
    score = 0
    try:
        answer = json.loads(sample["output_text"])
    except ValueError:
        return 0.0
    distance = abs(float(item["target"]) - float(answer["result"]))
    if distance == 0:
        score = 5
        return float(score)
    def helper():
        return 99
    return closeness(distance)
"""


def proposed(source: str, **fields: object) -> tuple[object, list[str]]:
    notes: list[str] = []
    return with_range({"type": "python", "source": source, **fields}, "it", notes).get("range"), notes


def test_a_program_that_returns_0_to_5_gets_that_range_and_why() -> None:
    bounds, notes = proposed(COUNTDOWN)
    assert bounds == [0, 5]
    assert "its source returns 5" in notes[0]
    assert "range: [0, 5] was written. Check that it is so." in notes[0]


@pytest.mark.parametrize(
    ("source", "bounds"),
    [
        ("def grade(sample, item):\n    return 1.0 if sample else 0.0", None),
        ("def grade(sample, item):\n    return -1", [-1, 1]),
        ("def grade(sample, item):\n    return round(10, 2)", [0, 10]),
        ("def grade(sample, item):\n    return len(item) / 7", None),
        ("def grade(sample, item):\n    return grade(sample, item)", None),
        ("def grade(sample, item):\n    x = x\n    return x", None),
        ("def other():\n    return 7\ndef grade(sample, item):\n    return 1", None),
        ("def grade(sample, item:\n", None),
        ("", None),
    ],
)
def test_only_numbers_that_stand_in_the_source_count(source: str, bounds: object) -> None:
    assert proposed(source)[0] == bounds


def test_a_threshold_shows_it_too_and_a_declared_range_stays() -> None:
    assert proposed("", pass_threshold=5)[0] == [0, 5]
    assert proposed(COUNTDOWN, range=[0, 6]) == ([0, 6], [])
    assert with_range({"type": "endpoint", "pass_threshold": 8}, "it", [])["range"] == [0, 8]
    assert "range" not in with_range({"type": "string_check", "pass_threshold": 8}, "it", [])


def test_graders_inside_a_multi_get_theirs_and_the_formula_its_own() -> None:
    inner = {"type": "score_model", "model": "m", "pass_threshold": 5, "input": [{"role": "user", "content": "Rate."}]}
    check = {"type": "string_check", "operation": "eq", "input": "a", "reference": "b"}
    for graders in ({"rate": inner, "same": check}, [{**inner, "name": "rate"}, {**check, "name": "same"}]):
        notes: list[str] = []
        done = with_range({"type": "multi", "graders": graders, "calculate_output": "rate + same"}, "both", notes)
        assert done["range"] == [0, 6]
        assert [note.split(" declares")[0] for note in notes] == ["rate", "both"]
