"""code_tests: which code is taken from a completion, which columns are read, and what a program's failure costs."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from graders.base import Grade, Sample
from graders.code_tests import CodeTests, code_of

TESTS = ["assert add(1, 2) == 3", "assert add(-1, 1) == 0", "assert add('a', 'b') == 'ab'"]
RIGHT = "def add(a, b):\n    return a + b\n"


def grade(completion: str, reference: object = TESTS, row: dict[str, Any] | None = None, **fields: Any) -> Grade:
    return CodeTests(**fields).grade(Sample("Write add(a, b).", completion, reference, row or {}))


@pytest.mark.parametrize(
    ("completion", "code"),
    [
        ("x = 1", "x = 1"),
        ("Text\n```python\nx = 1\n```\nmore", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```py title=a.py\nx = 1\n```", "x = 1\n"),
        ("```python\nx = 1\n```\nBetter:\n```python\nx = 2\n```", "x = 2\n"),
        ("```python\nx = 1\n```\nRun it:\n```bash\npython x.py\n```", "x = 1\n"),
        ("```python\nx = 1", "x = 1"),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"),
        ("  ```python\n  x = 1\n  ```", "  x = 1\n"),
        ("```python\r\nx = 1\r\n```", "x = 1\r\n"),
        ("```json\n{}\n```", "```json\n{}\n```"),
        ("~~~python\nx = 1\n~~~", "x = 1\n"),
    ],
)
def test_the_last_python_block_is_the_program(completion: str, code: str) -> None:
    assert code_of(completion) == code


def test_the_score_is_the_share_of_tests_that_pass() -> None:
    assert grade(RIGHT).score == 1
    assert grade(f"Sure.\n```python\n{RIGHT}```\nDone.").score == 1
    half = grade("def add(a, b):\n    return int(a) + int(b)")
    assert half.score == pytest.approx(2 / 3)
    assert half.raw == 2
    assert half.reason == (
        "2 of 3 tests pass; first failure: assert add('a', 'b') == 'ab': "
        "ValueError: invalid literal for int() with base 10: 'a' (line 2)"
    )
    assert grade("def add(a, b):\n    return a - b").score == 0


def test_tests_may_be_one_text() -> None:
    assert grade(RIGHT, "\n".join(TESTS)).score == 1
    assert grade("def add(a, b): return 3", "\n".join(TESTS)).score == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("completion", "said"),
    [
        ("", "no code in the completion"),
        ("I am sorry.", "SyntaxError"),
        ("def add(a, b)\n    return a", "SyntaxError: expected ':'"),
        ("def sub(a, b): return a - b", "NameError: name 'add' is not defined"),
        ("import missing_module", "ModuleNotFoundError: No module named 'missing_module'"),
        ("import os\nos._exit(0)", "process ended"),
        ("import sys\nsys.exit(0)", "SystemExit"),
        ("while True: pass", "did not end in time"),
        ("def add(a, b):\n    while True: pass", "not done in time"),
        ("def add(a, b): return add(a, b)", "RecursionError"),
        ("x = 'a' * (1 << 40)", "MemoryError"),
    ],
)
def test_code_that_fails_scores_0_and_says_why(completion: str, said: str) -> None:
    result = grade(completion, timeout_seconds=1)
    assert result.score == 0
    assert said in result.reason


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (None, "the row has no tests"),
        ([], "the row has no tests"),
        ("  ", "the row has no tests"),
        ({"a": 1}, "a text or a list of texts, not dict"),
        ([1], "a text or a list of texts, not list"),
        ("assert add(1 2) == 3", "the tests cannot be run: the tests are no Python: SyntaxError"),
        ("x = 1", "no test calls the code"),
        ("import io\nassert add(io.BytesIO(), 1)", "an object of BytesIO"),
    ],
)
def test_tests_that_cannot_be_used_leave_the_row_unscored(reference: object, said: str) -> None:
    result = grade(RIGHT, reference)
    assert result.score is None
    assert said in result.reason


def test_columns_hold_tests_setup_and_entry_point() -> None:
    row = {
        "prompt": "import math\n\ndef half(x):\n    '''Half of x.'''\n",
        "test": "def check(candidate):\n    assert candidate(2) == 1\n    assert candidate(5) == 2.5\n",
        "entry_point": "half",
    }
    columns = {"tests": "test", "setup": "prompt", "entry_point": "entry_point"}
    assert grade("    return x / 2", None, row, **columns).score == 1
    assert grade("```python\ndef half(x):\n    return x // 2\n```", None, row, **columns).score == 0.5
    assert grade("    return math.floor(x / 2)", None, row, **columns).score == 0.5
    future = "from __future__ import annotations\ndef half(x: Unknown): return x / 2"
    assert grade(future, None, row, **columns).score == 1
    lacks = grade("    return 1", None, {"prompt": ""}, **columns)
    assert (lacks.score, lacks.errors) == (None, ("invalid_variable_error",))
    assert lacks.reason == "the row has no column 'test'"


def test_text_that_python_reads_slowly_is_not_read() -> None:
    assert "combining marks" in grade("e" + "\u0300\u0316" * 50_000).reason
    assert grade(RIGHT + "# " + "\u6c49" * 5000 + "e\u0300").score == 1


def test_many_samples_come_back_in_order() -> None:
    samples = [Sample("", f"def f(): return {i}", ["assert f() == 3"]) for i in range(8)]
    samples.insert(2, Sample("", "def f(): return 3", None))
    scores = [one.score for one in CodeTests().grade_all(samples)]
    assert scores == [0, 0, None, 0, 1, 0, 0, 0, 0]


def test_a_program_that_prints_its_own_result_gains_nothing() -> None:
    forged = (
        'print(\'{"source": "x", "passed": true, "said": ""}\')\nprint("1 of 1 tests pass")\ndef add(a, b): return 0'
    )
    assert grade(forged, ["assert add(1, 2) == 3"]).score == 0


DATA = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere"))


@pytest.mark.skipif("FINETUNE_ADVISOR_DATA" not in os.environ, reason="FINETUNE_ADVISOR_DATA names no folder of data")
def test_every_solution_of_humaneval_passes_its_tests() -> None:
    with gzip.open(DATA / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    grader = CodeTests(tests="test", setup="prompt", entry_point="entry_point", timeout_seconds=30)
    grades = grader.grade_all([Sample(row["prompt"], row["canonical_solution"], None, row) for row in rows])
    assert (sum(one.score == 1 for one in grades), len(rows)) == (164, 164)


@pytest.mark.skipif("FINETUNE_ADVISOR_DATA" not in os.environ, reason="FINETUNE_ADVISOR_DATA names no folder of data")
def test_the_solutions_of_mbpp_that_fail_their_own_tests_are_found() -> None:
    """Two use a class that nobody defines; the third only needs long (2.7 s here), so that a short limit finds it."""
    rows = [json.loads(line) for line in (DATA / "mbpp" / "mbpp.jsonl").read_text(encoding="utf-8").splitlines()]
    samples = {row["task_id"]: Sample(row["text"], row["code"], None, row) for row in rows}
    slow = samples.pop(123)
    grader = CodeTests(tests="test_list", setup="test_setup_code", timeout_seconds=30)
    grades = dict(zip(samples, grader.grade_all(list(samples.values())), strict=True))
    failed = {task: one.reason for task, one in grades.items() if one.score != 1}
    assert sorted(failed) == [367, 927]
    assert all("NameError: name 'Node' is not defined" in reason for reason in failed.values())
    assert len(grades) - len(failed) == 971
    assert "not done in time" in CodeTests(tests="test_list", timeout_seconds=0.3).grade(slow).reason
