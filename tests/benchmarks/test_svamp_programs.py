"""A worked program becomes one line over the question's numbers, and comes to the same value."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.svamp.make import rows_of
from benchmarks.svamp.programs import masked, numbers_of, one_line
from graders.base import Sample
from graders.code_tests import CodeTests


def program(*lines: str) -> str:
    """As the rows have them: a function with the question in its docstring."""
    return "\n    ".join(["def solution():", '"""The question, with 7 apples."""', *lines])


@pytest.mark.parametrize(
    ("question", "numbers", "hidden"),
    [
        ("Ann has 12 apples, and 3.", [12, 3], "ann has n0 apples , and n1 ."),
        ("It costs $1,250.50 or 40%.", [1250.5, 40], "it costs $ n0 or n1 % ."),
        ("Room B2 has 2 beds.", [2], "room b 2 has n0 beds ."),
        ("No numbers here", [], "no numbers here"),
        ("12 of 12", [12, 12], "n0 of n1"),
    ],
)
def test_a_questions_numbers_get_names_in_their_order(question: str, numbers: list[float], hidden: str) -> None:
    assert numbers_of(question) == numbers
    assert masked(question) == hidden


@pytest.mark.parametrize(
    ("lines", "numbers", "text"),
    [
        (["left = 9 - 4", "return left"], [9, 4], "v0 = n0 - n1 ; return v0"),
        (["a = 5", "b = 5", "return a + b"], [5, 5], "v0 = n0 ; v1 = n1 ; return v0 + v1"),
        (["a = 5", "b = a * 5", "return b"], [5], "v0 = n0 ; v1 = v0 * n0 ; return v1"),
        (["days = 7 * 3", "return days"], [3], "v0 = 7 * n0 ; return v0"),
        (["c = 8 * (6 - 2)", "return c"], [2, 6, 8], "v0 = n2 * ( n1 - n0 ) ; return v0"),
        (["c = 8", "c -= 6", "return c"], [8, 6], "v0 = n0 ; v0 -= n1 ; return v0"),
    ],
)
def test_a_line_of_assignments_keeps_its_steps_and_loses_its_names(
    lines: list[str], numbers: list[float], text: str
) -> None:
    found = one_line(program(*lines), numbers)
    assert found == f"def solution(): {text}"
    named = {f"n{place}": number for place, number in enumerate(numbers)}
    assert _returned(found, named) == _returned(program(*lines), {})


def _returned(text: str, names: dict[str, float]) -> Any:
    """The value of a program that this file itself wrote."""
    scope: dict[str, Any] = dict(names)
    exec(text, scope)
    return scope["solution"]()


@pytest.mark.parametrize(
    "lines",
    [
        ["total = 0", "for n in (1, 2):", "    total += n", "return total"],
        ["return max(1, 2)"],
        ["parts = [1, 2]", "return parts[0]"],
        ["return 1 if 2 > 1 else 0"],
        ["return ("],
    ],
)
def test_what_is_more_than_assignments_is_no_worked_row(lines: list[str]) -> None:
    assert one_line(program(*lines), [1, 2]) is None


def test_text_that_is_no_function_is_no_worked_row() -> None:
    assert [one_line(text, []) for text in ("", "The answer is 4.", "x = 4")] == [None, None, None]


def test_a_rows_own_program_passes_its_test_in_the_sandbox_and_another_does_not(tmp_path: Path) -> None:
    rows = [
        {
            "question": "Ann has 1,200 apples and sells 3 boxes of 40.5 each. How many are left?",
            "answer_cot": program("sold = 3 * 40.5", "left = 1200 - sold", "result = left", "return result"),
            "answer_value": "1,078.5",
        },
        {"question": "7 and 5 make?", "answer_value": "12.0"},
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    worked, bare = rows_of(tmp_path / "rows.json")
    assert worked["Setup"] == "n0 = 1200\nn1 = 3\nn2 = 40.5"
    assert bare["Program"] is None
    grader = CodeTests(tests="Test", setup="Setup", timeout_seconds=5)
    tries = [
        (worked, worked["Program"]),
        (worked, "def solution(): return n0 - n2"),
        (worked, "def solution(): return n7"),
        (bare, "def solution(): v0 = n0 + n1 ; return v0"),
    ]
    grades = grader.grade_all([Sample(row["Question"], text, row["Test"], row) for row, text in tries])
    assert [grade.score for grade in grades] == [1, 0, 0, 1]
