"""`preferences audit` as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.cli.main import run_command
from pipelines.preferences.answers import answer_lines
from tests.pipelines.preferences.made import answer, by_chance, mostly_longer, pairs

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, rows: list[dict[str, object]]) -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_clean_pairs_are_fit_and_biased_ones_are_to_fix(capsys: pytest.CaptureFixture[str]) -> None:
    write("clean.jsonl", pairs(600, 0, by_chance))
    assert run_command(["preferences", "audit", "clean.jsonl"]) == 0
    assert capsys.readouterr().out.startswith("fit to train: 600 pairs of 600 prompts in clean.jsonl")
    rows = [
        {"q": row["prompt"], "good": row["chosen"], "bad": row["rejected"]} for row in pairs(600, 0, mostly_longer(0.7))
    ]
    write("biased.jsonl", rows)
    columns = ["--column", "prompt=q", "--column", "chosen=good", "--column", "rejected=bad"]
    assert run_command(["preferences", "audit", "biased.jsonl", *columns]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith("fix first: 600 pairs")
    assert "the longer answer is chosen in 7" in shown
    assert "95 % interval" in shown


def test_twenty_pairs_are_unfit_with_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    write("few.jsonl", pairs(20, 0, by_chance))
    assert run_command(["preferences", "audit", "few.jsonl", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["findings"][0]["check"]) == ("unfit", "too_few")
    assert found["measures"]["longer"].keys() == {"hits", "n", "low", "high"}


def test_answers_of_people_are_read_and_every_bad_line_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    lines = answer_lines(answer(n, [[0], [1], [2]], name) for n in range(40) for name in ("Ann", "Bob")).splitlines()
    lines[3] = lines[3].replace("[[0],[1],[2]]", "[[0],[7]]")
    lines[5] = "{}"
    Path("answers.jsonl").write_text("\n".join(lines))
    assert run_command(["preferences", "audit", "answers.jsonl", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    (unreadable,) = [one for one in found["findings"] if one["check"] == "unreadable"]
    assert (unreadable["rows"], unreadable["severity"]) == ([4, 6], "error")
    assert "line 4: " in unreadable["message"]
    assert found["measures"]["agreement"]["pairwise"]["value"] == 1.0


def test_a_plan_is_audited_with_its_own_split(capsys: pytest.CaptureFixture[str]) -> None:
    write("rows.jsonl", pairs(600, 0, by_chance))
    plan = {"name": "p", "data": {"train": "rows.jsonl", "split": {"test": 0.5}}, "metric": "likelihood"}
    Path("plan.yaml").write_text(json.dumps({**plan, "stages": [{"type": "sft", "name": "sft"}]}))
    assert run_command(["preferences", "audit", "plan.yaml", "--json"]) == 0
    assert 250 < json.loads(capsys.readouterr().out)["measures"]["held_out"] < 350


def test_a_plan_with_a_label_stage_is_audited_by_the_answers_that_people_gave(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("rows.jsonl", [{"prompt": f"Question {number}?", "completion": "yes"} for number in range(300)])
    stages = [{"type": "label", "name": "label", "answers": "said.jsonl"}]
    plan = {"name": "p", "data": {"train": "rows.jsonl", "split": {"test": 0.5}}, "metric": "likelihood"}
    Path("plan.yaml").write_text(json.dumps({**plan, "stages": stages}))
    assert run_command(["preferences", "audit", "plan.yaml"]) == 1
    assert "these rows hold no preferences" in capsys.readouterr().err
    given = [answer(n, [[0], [1]], name, both_bad=n == 0) for n in range(300) for name in ("Ann", "Bob")]
    Path("said.jsonl").write_text(answer_lines(given))
    assert run_command(["preferences", "audit", "plan.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["measures"]
    assert (found["num_pairs"], found["both_bad"]["hits"]) == (600, 2)
    assert 250 < found["held_out"] < 350
    assert [one["name"] for one in found["annotators"]] == ["Ann", "Bob"]


def test_a_test_file_that_repeats_the_training_pairs_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    train = pairs(600, 0, by_chance)
    write("train.jsonl", train)
    write("test.jsonl", [{**row, "prompt": row["prompt"].replace("?", " ?!")} for row in train[:100]])
    assert run_command(["preferences", "audit", "train.jsonl", "--test", "test.jsonl"]) == 0
    assert "100 of 100 test rows ask what a training row asks" in " ".join(capsys.readouterr().out.split())


def test_it_imports_no_torch() -> None:
    write("clean.jsonl", pairs(600, 0, by_chance))
    code = "import sys; from advisor.cli.main import run_command; code = run_command(sys.argv[1:]);"
    code += "sys.exit(9 if 'torch' in sys.modules else code)"
    asked = [sys.executable, "-c", code, "preferences", "audit", "clean.jsonl"]
    done = subprocess.run(
        asked, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr


def test_data_tells_of_the_audit_where_rows_are_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    write("some pairs.jsonl", pairs(40, 0, by_chance))
    assert run_command(["data", "some pairs.jsonl"]) == 0
    assert "finetune-advisor preferences audit 'some pairs.jsonl'" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("gone.jsonl", None, "no such file"),
        ("rows.jsonl", [{"prompt": "a", "completion": "b"}], "these rows hold no preferences"),
    ],
)
def test_what_holds_no_preferences_is_refused(
    name: str, rows: list[dict[str, object]] | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if rows:
        write(name, rows)
    assert run_command(["preferences", "audit", name]) == 1
    assert said in capsys.readouterr().err
