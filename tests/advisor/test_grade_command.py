"""`grade run`, `grade validate` and `grade audit` as a user calls them."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.cli.main import run_command
from tests.advisor import conftest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere"))
NUMERIC = "type: numeric\n"
CHECK = {
    "type": "string_check",
    "name": "same",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
}
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numeric.yaml").write_text(NUMERIC)
    (tmp_path / "check.json").write_text(json.dumps(CHECK, indent="\t"))
    return tmp_path


def outputs(num_rows: int = 40) -> list[dict[str, Any]]:
    """One in four is wrong."""
    found = []
    for number in range(num_rows):
        question, _, bare = conftest.word_problem(number)
        said = f"So it is {int(bare) + (number % 4 == 0)}."
        found.append({"question": question, "answer": bare, "completion": said})
    return found


def lines(shown: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shown.splitlines()]


def test_outputs_are_graded_one_object_a_row_then_a_summary(jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    jsonl(outputs())
    assert run_command(["grade", "run", "numeric.yaml", "rows.jsonl", "--json"]) == 0
    *rows, last = lines(capsys.readouterr().out)
    assert len(rows) == 40
    assert rows[1] == {
        "row": 2,
        "reward": 1.0,
        "score": 1.0,
        "passed": True,
        "reason": "7 (last number) equals 7",
        "sub_rewards": {},
        "errors": [],
    }
    summary = last["summary"]
    assert (summary["n"], summary["scored"], summary["unscored"], summary["pass_rate"]) == (40, 40, 0, 0.75)
    assert summary["score"]["low"] < summary["score"]["mean"] == 0.75 < summary["score"]["high"]
    assert summary["pass_interval"] == pytest.approx([0.598, 0.858], abs=1e-3)


@pytest.mark.parametrize("where", ["sample", "sample.output_text", "said"])
def test_the_output_is_found_where_openai_has_it_or_where_it_is_named(
    where: str, jsonl: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, where: row["completion"]} for row in outputs()]
    rows = [{key: value for key, value in row.items() if key != "completion"} for row in rows]
    if where == "sample":
        rows = [{**row, "sample": {"output_text": row["sample"]}} for row in rows]
    jsonl(rows)
    named = ["--column", "completion=said"] if where == "said" else []
    assert run_command(["grade", "run", "numeric.yaml", "rows.jsonl", "--json", *named]) == 0
    assert lines(capsys.readouterr().out)[-1]["summary"]["pass_rate"] == 0.75


def test_the_reasoning_block_is_taken_off_as_in_training(jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    jsonl([{"answer": "7", "completion": "<think>7</think>8"}, {"answer": "7", "completion": "<think>8</think>7"}])
    run_command(["grade", "run", "numeric.yaml", "rows.jsonl", "--json"])
    assert [row["score"] for row in lines(capsys.readouterr().out)[:-1]] == [0.0, 1.0]


def test_a_row_that_cannot_be_graded_has_no_reward_and_says_which_error(
    jsonl: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"answer": "7", "completion": "7"}, {"completion": "7"}, {"answer": "7", "completion": "8"}]
    jsonl(rows)
    assert run_command(["grade", "run", "check.json", "rows.jsonl", "--json"]) == 0
    first, second, third, last = lines(capsys.readouterr().out)
    assert [first["reward"], second["reward"], third["reward"]] == [1.0, None, 0.0]
    assert second["errors"] == ["invalid_variable_error"]
    assert (last["summary"]["unscored"], last["summary"]["errors"]) == (1, {"invalid_variable_error": 1})
    assert last["summary"]["pass_rate"] == 0.5


def test_sub_rewards_and_the_raw_number_are_openais(
    here: Path, jsonl: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    same = {**CHECK, "input": "{{sample.output_json.answer}}"}
    like = {**same, "operation": "like"}
    multi = {"type": "multi", "graders": {"a": same, "b": like}, "calculate_output": "2 * a + 3 * b", "range": [0, 5]}
    (here / "multi.json").write_text(json.dumps({"grader": multi}))
    jsonl([{"answer": "seven", "completion": '{"answer": "seven!"}'}, {"answer": "seven", "completion": "seven"}])
    assert run_command(["grade", "run", "multi.json", "rows.jsonl", "--json"]) == 0
    first, second, _ = lines(capsys.readouterr().out)
    assert (first["reward"], first["score"], first["sub_rewards"]) == (3.0, 0.6, {"a": 0.0, "b": 1.0})
    assert (second["reward"], second["errors"]) == (0.0, ["sample_parse_error"])


def test_people_see_reasons_in_groups(jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    jsonl(outputs(400))
    assert run_command(["grade", "run", "numeric.yaml", "rows.jsonl"]) == 0
    said = capsys.readouterr()
    assert "300" in said.out and "equals" in said.out and "pass rate 75.0%" in said.out
    assert len(said.out.splitlines()) < 20
    assert said.err == ""


def test_a_plans_metric_reads_rows_as_the_plan_does(
    here: Path, jsonl: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    jsonl([{"ask": row["question"], "gold": row["answer"], "completion": row["completion"]} for row in outputs()])
    (here / "plan.yaml").write_text(
        "name: p\ndata: {train: other.jsonl, columns: {prompt: ask, reference: gold, completion: worked}}\n"
        "metric: a\ngraders: {a: {type: numeric}, b: {type: exact_match}}\nstages: [{type: evaluate, name: base}]\n"
    )
    for extra, rate in (([], 0.75), (["--grader", "b"], 0.0)):
        assert run_command(["grade", "run", "plan.yaml", "rows.jsonl", "--json", *extra]) == 0
        assert lines(capsys.readouterr().out)[-1]["summary"]["pass_rate"] == rate


def test_validate_prints_the_normalised_grader(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "neq.json").write_text(json.dumps({**CHECK, "operation": "neq", "pass_threshold": 1}))
    assert run_command(["grade", "validate", "neq.json", "--json"]) == 0
    grader = json.loads(capsys.readouterr().out)["grader"]
    assert (grader["operation"], grader["pass_at"], "pass_threshold" in grader) == ("ne", 1.0, False)


def test_validate_counts_what_rows_lack(jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"prompt": f"Word {n}?", "answer": f"word {n}"} for n in range(50)]
    for n in (3, 17, 40):
        del rows[n]["answer"]
    jsonl(rows)
    assert run_command(["grade", "validate", "check.json", "rows.jsonl", "--json"]) == 3
    [lack] = json.loads(capsys.readouterr().out)["lacks"]
    assert lack == {"what": "{{item.answer}}", "count": 3, "of": 50, "rows": [4, 18, 41]}
    assert run_command(["grade", "validate", "numeric.yaml", "rows.jsonl"]) == 3
    assert "3 of 50 rows lack a reference (rows 4, 18, 41)" in capsys.readouterr().out


def test_validate_passes_rows_that_have_all(jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    jsonl(conftest.sums(worked=True, num_rows=60))
    assert run_command(["grade", "validate", "numeric.yaml", "rows.jsonl"]) == 0
    assert "can grade each of 60 rows" in capsys.readouterr().out


def test_an_audit_has_a_verdict_and_examples(jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    jsonl(conftest.sums(worked=True))
    assert run_command(["grade", "audit", "numeric.yaml", "rows.jsonl"]) == 0
    assert capsys.readouterr().out.startswith("fit to train: numeric on 240 rows")


def test_an_unfit_grader_exits_with_3(here: Path, jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    jsonl(conftest.sums(worked=False))
    (here / "like.json").write_text(json.dumps({**CHECK, "operation": "like"}))
    assert run_command(["grade", "audit", "like.json", "rows.jsonl", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    wrong = {probe["name"]: probe["rate"]["wrong"] for probe in found["probes"]}
    assert found["verdict"] == "unfit"
    assert wrong["the right one among many"] == 240
    assert len(found["worst"]) == 3


def test_an_audit_compares_with_a_second_grader(here: Path, jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    jsonl(conftest.sums(worked=True))
    (here / "other").mkdir()
    (here / "other" / "exact.yaml").write_text("type: exact_match\n")
    command = ["grade", "audit", "numeric.yaml", "rows.jsonl", "--json", "--against"]
    assert run_command([*command, "numeric.yaml"]) == 0
    [same] = json.loads(capsys.readouterr().out)["agreement"]
    assert (same["spearman"], same["kappa"], same["false_positives"]["wrong"]) == (pytest.approx(1), 1.0, 0)
    assert run_command([*command, "other/exact.yaml"]) == 0
    found = json.loads(capsys.readouterr().out)
    [other] = found["agreement"]
    assert 0 < other["kappa"] < 0.6 and other["false_positives"]["wrong"] > 0
    assert any("agree with exact_match only at kappa" in finding["message"] for finding in found["findings"])


def test_an_audit_compares_with_people(jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**row, "correct": number % 4 != 0 or number == 8} for number, row in enumerate(outputs(80))]
    rows[5]["correct"] = None
    jsonl(rows)
    assert run_command(["grade", "audit", "numeric.yaml", "rows.jsonl", "--json", "--human", "correct"]) == 0
    found = json.loads(capsys.readouterr().out)
    [people] = found["agreement"]
    assert (people["other"], people["n"], people["left_out"]) == ("column correct", 79, 1)
    assert (people["false_positives"]["wrong"], people["false_negatives"]["wrong"]) == (0, 1)
    assert 0.9 < people["kappa"] < 1
    assert found["kind"] == "number", "the column of scores is not taken for the reference"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "none.yaml", "rows.jsonl"], "there is no such file"),
        (["run", "numeric.yaml", "none.jsonl"], "no such file"),
        (["run", "broken.json", "rows.jsonl"], "broken.json:2: this is no JSON"),
        (["run", "broken.yaml", "rows.jsonl"], "this is not YAML"),
        (["run", "list.yaml", "rows.jsonl"], "this is no grader"),
        (["run", "typo.yaml", "rows.jsonl"], "did you mean 'numeric'?"),
        (["run", "numeric.yaml", "empty.jsonl"], "the file is empty"),
        (["run", "numeric.yaml", "bare.jsonl"], "no column holds what a model wrote"),
        (["run", "numeric.yaml", "holes.jsonl"], 'rows without an output in "completion": 2 (1 of 2)'),
        (["run", "numeric.yaml", "rows.jsonl", "--column", "completion=sed"], 'there is no column "sed"'),
        (["run", "numeric.yaml", "rows.jsonl", "--grader", "a"], "this file holds a single grader"),
        (["audit", "numeric.yaml", "rows.jsonl", "--human", "stars"], 'no column "stars"'),
        (["audit", "numeric.yaml", "rows.jsonl", "--human", "question"], "expected: numbers"),
        (["audit", "crashes.yaml", "rows.jsonl"], "the grader failed on each of 3 rows tried first: the grader's code"),
        (["validate", "none.json"], "there is no such file"),
    ],
)
def test_bad_input_is_one_message(
    arguments: list[str], said: str, here: Path, jsonl: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    jsonl(outputs(8))
    jsonl([{"question": "1 + 1?", "answer": "2"}], "bare.jsonl")
    jsonl([{"answer": "2", "completion": "2"}, {"answer": "2"}], "holes.jsonl")
    (here / "empty.jsonl").write_text("")
    (here / "broken.json").write_text('{"type": "numeric",\n "pass_at": }')
    (here / "broken.yaml").write_text("type: [numeric\n")
    (here / "list.yaml").write_text("- numeric\n")
    (here / "crashes.py").write_text("import time\ndef grade(sample, item):\n    return 1 / 0\n")
    (here / "crashes.yaml").write_text("type: python\nfunction: crashes.py:grade\n")
    (here / "typo.yaml").write_text("type: numerik\n")
    assert run_command(["grade", *arguments]) == 1
    shown = capsys.readouterr()
    assert said in shown.err and shown.err.startswith("Error: ") and shown.out == ""


def test_grading_imports_no_torch(jsonl: Write) -> None:
    jsonl(outputs(8))
    code = (
        "import sys; from advisor.cli.main import run_command\n"
        "codes = [run_command(['grade', c, 'numeric.yaml', 'rows.jsonl']) for c in ('run', 'validate', 'audit')]\n"
        "assert 0 in codes and 'torch' not in sys.modules and 'transformers' not in sys.modules, codes"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not DATA.is_dir(), reason="FINETUNE_ADVISOR_DATA is not set")
def test_numeric_agrees_with_people_on_every_solution_of_gsm8k(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = DATA / "grader-conformance-gsm8k" / "solutions.jsonl.gz"
    command = ["grade", "audit", "numeric.yaml", str(path), "--column", "completion=solution", "--human", "is_correct"]
    assert run_command([*command, "--json"]) == 0
    [people] = json.loads(capsys.readouterr().out)["agreement"]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        assert people["n"] == sum(1 for _ in file) == 5276
    assert (people["kappa"], people["false_positives"]["wrong"], people["false_negatives"]["wrong"]) == (1.0, 0, 0)
