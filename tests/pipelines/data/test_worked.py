"""`demonstrations: worked` imitates the answers that show steps, and compares with the others."""

import pytest

from pipelines.data.answer_kind import is_worked
from pipelines.data.checks import check_rows
from tests.pipelines.data.conftest import make_rows

ROWS = [
    {"question": f"{n} pens and 9?", "answer": f"{n} + 9 = {n + 9}. #### {n + 9}" if n % 3 else f"#### {n + 9}"}
    for n in range(20, 80)
]


@pytest.mark.parametrize(
    ("text", "worked"),
    [
        ("#### 63", False),
        ("63", False),
        ("The answer is 63.", False),
        ("He has 63 pens now. #### 63", False),
        ("60+3=63 #### 63", True),
        ("9*4/6=6\n#### 6", True),
        ("First he takes half of them, then all of his sister's and then a few more. #### 63", True),
        ("#### 1,063", False),
        ("1063 #### 1,063", False),
        ("B", False),
        ("Iron is a metal, and metals conduct. The answer is B", True),
    ],
)
def test_steps_are_other_numbers_or_much_text(text, worked):
    [row] = make_rows(("q", text)).rows
    assert is_worked(row) is worked


def test_answers_without_steps_become_references(load):
    rows = load(ROWS, demonstrations="worked")
    shown = [row for row in rows.rows if row.completion is not None]
    assert len(shown) == 40
    assert all(row.completion == row.columns["answer"] for row in shown)
    assert {row.reference for row in rows.rows if row.completion is None} == {f"#### {n + 9}" for n in range(21, 80, 3)}
    assert "20 answers show no steps: they are compared with, and not imitated" in rows.notes


def test_all_are_imitated_unless_it_is_asked_for(load):
    rows = load(ROWS)
    assert all(row.completion and row.reference is None for row in rows.rows)
    [finding] = [found for found in check_rows(rows) if found.check == "steps_in_some"]
    assert (finding.count, finding.rows[0]) == (20, 2)
    assert not [found for found in check_rows(load(ROWS, demonstrations="worked")) if found.check == "steps_in_some"]
