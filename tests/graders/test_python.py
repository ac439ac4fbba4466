"""python: OpenAI's source in the sandbox, a function of one's own beside the run, and whose fault a failure is."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.python import Python
from graders.union import parse_grader


def grade(body: str, completion: str = "abc", row: dict[str, Any] | None = None, **fields: Any) -> Grade:
    source = "def grade(sample, item):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    grader = parse_grader({"type": "python", "source": source, **fields})
    return grader.grade(Sample("What?", completion, None, row or {}))


def test_the_function_sees_the_completion_and_the_row() -> None:
    body = "return [sample['output_text'], sample['output_json']['x'], item['y'][0]] == ['{\"x\": 1}', 1, 2]"
    assert grade(body, '{"x": 1}', {"y": [2]}).score == 1
    assert (
        grade("return sample['choices'][0]['message']['content'] == 'abc' and sample['output_tools'] == []").score == 1
    )
    assert grade("return sample.get('output_json') is None").score == 1


def test_a_grader_as_openai_has_it_is_valid_as_it_is() -> None:
    config = json.loads("""{"type": "python", "name": "near", "image_tag": "2025-05-08", "pass_threshold": 0.9,
        "source": "from rapidfuzz import fuzz, utils\\ndef grade(sample, item) -> float:\\n    \
text = sample['output_text']\\n    return fuzz.WRatio(text, item['answer'], processor=utils.default_process) / 100"}""")
    grader = parse_grader(config)
    result = grader.grade(Sample("", "Fuzzy wuzzy", None, {"answer": "fuzzy  wuzzy!"}))
    assert result.score == pytest.approx(0.9565, abs=1e-3)
    assert grader.passed(result)


def test_the_number_is_put_on_the_range() -> None:
    result = grade("return 4", range=[0, 5])
    assert (result.score, result.raw, result.reason) == (0.8, 4.0, "the function returned 4")
    assert (
        parse_grader(
            {"type": "python", "source": "def grade(s, i): return 4", "range": [0, 5], "pass_threshold": 4}
        ).pass_at
        == 0.8
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 5", "outside its range [0, 1]; declare one such as range: [0, 5]"),
        ("return 'high'", "'high', which is no number"),
        ("return None", "None, which is no number"),
        ("return [1.0]", "[1.0], which is no number"),
        ("return float('nan')", "returned nan"),
        ("return object()", "an object of object"),
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
        ("return item['missing']", "KeyError: 'missing'"),
        ("raise SystemExit", "SystemExit"),
        ("import os; os._exit(0)", "process ended with code 0 and no answer"),
        ("while True: pass", "did not end in time"),
        ("return len(bytearray(1 << 40))", "MemoryError"),
        ("import socket; return socket.socket() is not None", "PermissionError"),
        ("print('1.0'); raise ValueError('no')", "ValueError: no"),
    ],
)
def test_a_failure_of_the_source_is_never_the_models(body: str, said: str) -> None:
    result = grade(body, timeout_seconds=1)
    assert result.score is None
    assert said in result.reason
    assert result.errors == ("python_grader_runtime_error",)


def test_output_json_of_a_completion_that_is_none_is_the_models_failure() -> None:
    result = grade("return sample['output_json']['x']", "no json")
    assert (result.score, result.errors) == (0.0, ("sample_parse_error",))
    assert grade("return sample['output_json']['x']", '{"y": 1}').score is None
    assert grade("return {}['output_json']", '{"y": 1}').score is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "give either source"),
        ({"source": "def grade(s, i): return 1", "function": "a.py:b"}, "give either source"),
        ({"source": "def grade(s, i) return 1"}, "the source is no Python"),
        ({"source": "def score(s, i): return 1"}, "defines no function grade(sample, item)"),
        ({"source": "def grade(s): return 1"}, "grade takes two arguments, sample and item, and here 1"),
        ({"source": "def grade(s, i, x): return 1"}, "and here 3"),
        ({"source": "def grade(s, i): return 1\n#" + "x" * 256_000}, "less than 256 kB"),
        ({"function": "grader.txt"}, "such as my_grader.py:grade"),
        ({"source": "def grade(s, i): return 1", "range": [1, 0]}, "two finite numbers"),
    ],
)
def test_a_faulty_grader_is_refused_before_it_runs(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        parse_grader({"type": "python", **fields})
    assert said in str(error.value)


@pytest.mark.parametrize(
    "source", ["grade = lambda sample, item: 1.0", "def grade(sample, item, *, strict=True): return 1"]
)
def test_grade_may_be_defined_in_other_ways(source: str) -> None:
    assert Python(source=source).grade(Sample("", "")).score == 1


def own(tmp_path: Path, code: str, name: str = "grade", **fields: Any) -> Python:
    (tmp_path / "mine.py").write_text(code)
    return Python(function=f"{tmp_path / 'mine.py'}:{name}", **fields)


def test_a_function_of_ones_own_is_called_in_a_process_that_stays(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text("GOOD = {'yes'}")
    code = (
        "import os\nfrom words import GOOD\ndef pid(s, i): return os.getpid()\n"
        "def grade(sample, item):\n    return sample['output_text'] in GOOD\n"
    )
    grader = own(tmp_path, code)
    assert grader.files() == (str(tmp_path / "mine.py"), str(tmp_path / "words.py"))
    assert [one.score for one in grader.grade_all([Sample("", "yes"), Sample("", "no")])] == [1, 0]
    pid = Python(function=f"{tmp_path / 'mine.py'}:pid", range=(0, 1e9))
    first, second = (one.raw for one in pid.grade_all([Sample("", ""), Sample("", "")]))
    assert first == second != os.getpid()


def test_a_function_that_fails_leaves_the_row_unscored_and_the_next_one_graded(tmp_path: Path) -> None:
    code = """
import os, time
def grade(sample, item):
    print("debugging")
    match sample["output_text"]:
        case "raise": raise ValueError("bad\\nrow")
        case "hang": time.sleep(60)
        case "exit": os._exit(0)
        case "text": return "one"
    return 0.5
"""
    grader = own(tmp_path, code, timeout_seconds=0.5)
    started = time.monotonic()
    grades = grader.grade_all([Sample("", text) for text in ("raise", "hang", "exit", "text", "fine")])
    assert time.monotonic() - started < 10
    assert [one.score for one in grades] == [None, None, None, None, 0.5]
    assert [one.reason.rpartition(": ")[2] for one in grades[:2]] == ["bad", "it took longer than 0.5 seconds"]
    assert "process ended" in grades[2].reason
    assert all(one.errors == ("python_grader_runtime_error",) for one in grades[:4])


def test_a_file_that_changes_is_loaded_again(tmp_path: Path) -> None:
    assert own(tmp_path, "def grade(s, i): return 0").grade(Sample("", "")).score == 0
    assert own(tmp_path, "def grade(s, i): return 1.0").grade(Sample("", "")).score == 1


def test_a_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        Python(function=str(tmp_path / "none.py") + ":grade").grade(Sample("", ""))
    with pytest.raises(UserError, match=r"mine\.py: the file has no function 'score'"):
        own(tmp_path, "def grade(s, i): return 0", "score").grade(Sample("", ""))
    with pytest.raises(UserError, match="cannot be imported: ZeroDivisionError"):
        own(tmp_path, "1 / 0").grade(Sample("", ""))


def test_a_function_is_looked_for_beside_the_plan(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def half(sample, item):\n    return 0.5\n")
    grader = parse_grader({"type": "python", "function": "mine.py:half"}, folder=tmp_path)
    assert grader.grade(Sample("", "")).score == 0.5


def test_what_confines_a_source_is_known_also_inside_a_formula() -> None:
    source = {"type": "python", "source": "def grade(sample, item):\n    return 1"}
    formula = {"type": "multi", "graders": {"a": source, "b": {"type": "numeric"}}, "calculate_output": "a * b"}
    assert {"seccomp", "rlimits"} <= set(parse_grader(formula).guards())
    assert parse_grader({**source, "sandbox": "none"}).guards() == ("rlimits",)
    assert parse_grader({"type": "python", "function": "mine.py:half"}).guards() == ()


@pytest.mark.parametrize("kind", ["source", "function"])
def test_a_function_that_never_ends_costs_five_time_outs_and_not_one_a_row(kind: str, tmp_path: Path) -> None:
    code = "def grade(sample, item):\n    while sample['output_text'] == 'hang': pass\n    return 1.0"
    seconds = 2.0 if kind == "function" else 0.3  # a function's time begins with its process
    made = own if kind == "function" else lambda _, source, **fields: Python(source=source, **fields)
    grader = made(tmp_path, code, timeout_seconds=seconds)
    started = time.monotonic()
    grades = grader.grade_all([Sample("", "hang")] * 1000)
    assert time.monotonic() - started < 25
    assert all(one.score is None and one.errors == ("python_grader_runtime_error",) for one in grades)
    assert "not run, as calls before it did not end in time" in grades[-1].reason
    assert [one.score for one in grader.grade_all([Sample("", "fine")] * 3)] == [1, 1, 1]
    mixed = [Sample("", "hang" if n % 6 == 0 else "fine") for n in range(12)]
    assert [one.score for one in grader.grade_all(mixed)].count(1) == 10
