"""Two answers are one path when they calculate or run alike, and two when they do not."""

import pytest

from graders.base import Grader
from graders.code_tests import CodeTests
from graders.exact_match import ExactMatch
from graders.multi import Multi
from graders.numeric import Numeric
from graders.steps import Steps
from pipelines.reasoning_paths import Form, checks_equations, false_equation, form_of, path_of


@pytest.mark.parametrize(
    ("one", "other", "form"),
    [
        ("3+4=7\n#### 7", "First, 4 + 3 = 7 apples.\n#### 7", "equations"),
        ("2*3=6\n6+1=7", "2 × 3 = 6, so 1 + 6 = 7", "equations"),
        ("1,000+5=1005", "1000 + 5 = 1,005", "equations"),
        ("The answer is 7.", "the  answer\nis 7.", "equations"),
        ("def f(x):\n    return x+1", "def f( x ):\n  # adds one\n  return (x + 1)", "code"),
        ("```python\nx = 1\n```", "Here you are:\n```\nx=1\n```", "code"),
        ("Not Python at all!", "not python  at all!", "code"),
        ("Dear Ann, 3+4=7.", "dear ann,  3+4=7.", "text"),
    ],
)
def test_one_path_written_twice(one: str, other: str, form: Form) -> None:
    assert path_of(one, form) == path_of(other, form)


@pytest.mark.parametrize(
    ("one", "other", "form"),
    [
        ("2*3=6\n6+1=7", "2*3+1=7", "equations"),
        ("2*3=6\n6+1=7", "6+1=7\n2*3=6", "equations"),
        ("7-3=4", "3-7=4", "equations"),
        ("8/2=4", "2*2=4", "equations"),
        ("x = 1", "y = 1", "code"),
        ("Dear Ann, 3+4=7.", "Dear Bob, 3+4=7.", "text"),
    ],
)
def test_two_paths(one: str, other: str, form: Form) -> None:
    assert path_of(one, form) != path_of(other, form)


@pytest.mark.parametrize(
    ("grader", "demonstrations", "form"),
    [
        (Numeric(), ["3+4=7\n#### 7"], "equations"),
        (Steps(), [], "equations"),
        (CodeTests(), [], "code"),
        (Numeric(), ["a = 3 + 4\nprint(a)", "```python\nb = 2\n```"], "code"),
        (Numeric(), ["7", "12"], "equations"),
        (ExactMatch(), ["yes"], "text"),
        (
            Multi(graders={"a": ExactMatch(), "b": Numeric()}, calculate_output="(a + b) / 2"),
            [],
            "equations",
        ),
    ],
)
def test_the_grader_and_the_rows_own_completions_tell_the_form(
    grader: Grader, demonstrations: list[str], form: Form
) -> None:
    assert form_of(grader, demonstrations) == form


def test_a_false_equation_is_found_and_rounding_is_none() -> None:
    assert false_equation("93+1=10\n#### 10") == "93+1=10"
    assert false_equation("10/3=3.33\n3.33*3=9.99") == ""
    assert false_equation("no calculation") == ""


def test_equations_are_checked_only_where_the_rows_own_are_read_as_true() -> None:
    assert checks_equations("equations", ["3+4=7", "2*2=4"])
    assert checks_equations("equations", []), "nothing says that they could not be read"
    assert not checks_equations("equations", ["3+4=7", "Price 5+5=12 with tax"])
    assert not checks_equations("text", ["3+4=7"])


@pytest.mark.parametrize("form", ["equations", "code", "text"])
@pytest.mark.parametrize("text", ["", "\x00", "(" * 5000, "=" * 5000, "9" * 5000 + "=1", "\ud800", "x=" * 40_000])
def test_hostile_text_has_a_path(text: str, form: Form) -> None:
    assert isinstance(path_of(text, form), str)
