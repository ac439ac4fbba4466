"""`init` and `data` as a user calls them."""

import csv
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner

from advisor.cli.main import run_command
from advisor.cli.progress import Terminal as Shown
from pipelines.plan_file import load_plan
from pipelines.run_lock import lock
from pipelines.state import steps
from tests.advisor import conftest
from tests.advisor.terminal import ENVIRONMENT, MAIN, Terminal


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_csv(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_a_csv_of_sums_becomes_a_plan(here, capsys):
    write_csv(here / "rows.csv", conftest.sums(worked=False))
    assert run_command(["init", "--data", "rows.csv", "--yes"]) == 0
    shown = capsys.readouterr().out
    for part in ["recognised as prompt+completion", "numeric accepts", "Advice: sft → grpo", "Runner-up: sft"]:
        assert part in shown
    assert "finetune-advisor run plan.yaml" in shown
    assert load_plan(here / "plan.yaml").plan.data.train == "rows.csv"
    assert yaml.safe_load((here / "answers.yaml").read_text()) == {"data": "rows.csv"}


def test_options_reach_the_plan(here, jsonl):
    jsonl([{"ask": row["question"], "say": row["answer"], "kind": "sum"} for row in conftest.sums(True)])
    jsonl(
        [{"ask": row["question"] + "?", "say": row["answer"], "kind": "sum"} for row in conftest.sums(True, 40)],
        "t.jsonl",
    )
    command = ["init", "--data", "rows.jsonl", "--yes", "--column", "prompt=ask", "--column", "completion=say"]
    command += ["--limit", "200", "--test", "t.jsonl", "--system", "A {{kind}}.", "--model", "owner/model"]
    command += ["--set", "name=mine", "--out", "sub/mine.yaml"]
    assert run_command(command) == 0
    plan = load_plan(here / "sub" / "mine.yaml").plan
    assert (plan.name, plan.model.name) == ("mine", "owner/model")
    assert (plan.data.train, plan.data.test) == ("../rows.jsonl", "../t.jsonl")
    assert plan.data.columns == {"prompt": "ask", "completion": "say"}
    assert (plan.data.limit, plan.data.system) == (200, "A {{kind}}.")
    assert (here / "sub" / "mine.answers.yaml").exists()


def test_json_is_for_machines(here, jsonl, capsys):
    jsonl(conftest.labels())
    assert run_command(["init", "--data", "rows.jsonl", "--yes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["stages"], found["plan"]) == ("sft", ["sft"], "plan.yaml")
    assert found["answers"]["labelled"] == {"value": 260, "origin": "measured"}


def test_without_a_terminal_it_says_what_to_add(here, jsonl, capsys):
    jsonl(conftest.sums(True))
    assert run_command(["init", "--data", "rows.jsonl"]) == 1
    said = capsys.readouterr().err
    assert "--yes" in said
    assert "--answers" in said


def test_an_answers_file_stands_in_for_a_person(here, jsonl):
    jsonl(conftest.sums(True))
    (here / "a.yaml").write_text("data: rows.jsonl\nreasoning_helps: no\nname: quiet\n")
    assert run_command(["init", "--answers", "a.yaml"]) == 0
    plan = load_plan(here / "plan.yaml").plan
    assert plan.name == "quiet"
    assert [stage.type for stage in plan.stages] == ["evaluate", "sft", "evaluate"]


def test_a_second_init_remembers_the_answers(here, jsonl):
    jsonl(conftest.sums(True))
    assert run_command(["init", "--data", "rows.jsonl", "--yes", "--set", "reasoning_helps=no"]) == 0
    assert run_command(["init", "--yes"]) == 0


def test_without_data_it_says_what_to_collect(here, capsys):
    assert run_command(["init", "--yes"]) == 1
    done = capsys.readouterr()
    assert "Advice: collect" in done.out
    assert "200 to 500" in done.err
    assert not (here / "plan.yaml").exists()
    assert (here / "answers.yaml").exists()


def test_an_overwrite_is_refused_with_the_difference(here, jsonl, capsys):
    jsonl(conftest.sums(True))
    (here / "plan.yaml").write_text("version: 1\nname: hers\n")
    assert run_command(["init", "--data", "rows.jsonl", "--yes"]) == 1
    said = capsys.readouterr().err
    assert "-name: hers" in said
    assert "--force" in said
    assert (here / "plan.yaml").read_text() == "version: 1\nname: hers\n"
    assert run_command(["init", "--data", "rows.jsonl", "--yes", "--force"]) == 0


BAD = [
    (["--data", "nowhere.jsonl"], "nowhere.jsonl"),
    (["--data", "rows.jsonl", "--set", "verifyable=yes"], "verifiable"),
    (["--data", "rows.jsonl", "--set", "grader=string_check"], "input is missing; reference is missing"),
    (["--data", "rows.jsonl", "--set", "hours=soon"], "a number, 0 or more"),
    (["--data", "rows.jsonl", "--column", "promt=question"], "prompt"),
    (["--data", "rows.jsonl", "--column", "prompt=quest"], "question"),
    (["--data", "rows.jsonl", "--model", "./nowhere"], "model"),
    (["--data", "rows.jsonl", "--answers", "none.yaml"], "none.yaml"),
    (["--data", "rows.jsonl", "--out", "rows.jsonl/plan.yaml"], "rows.jsonl"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD)
def test_bad_input_is_one_message_and_leaves_no_plan(here, jsonl, capsys, arguments, said):
    jsonl(conftest.sums(True))
    assert run_command(["init", "--yes", *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (here / "plan.yaml").exists()


def test_a_folder_without_permission_is_a_message(here, jsonl, capsys):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path = jsonl(conftest.sums(True))
    locked = here / "locked"
    locked.mkdir(mode=0o500)
    assert run_command(["init", "--yes", "--data", path.name, "--out", "locked/plan.yaml"]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_no_torch_is_imported(here, jsonl):
    jsonl(conftest.sums(True))
    code = f"{MAIN.rsplit(';', 1)[0]}; run_command(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "init", "--data", "rows.jsonl", "--yes"]
    assert subprocess.run(command, cwd=here, env=ENVIRONMENT, capture_output=True, check=False).returncode == 0


def test_help_has_an_example():
    from advisor.cli.data import data
    from advisor.cli.init import init

    for command in (init, data):
        assert "Example: finetune-advisor" in CliRunner().invoke(command, ["--help"]).output


def test_a_grader_that_is_unfit_is_shown_with_the_command_that_shows_why(here, jsonl, capsys):
    colours = ["red", "blue", "green"]
    jsonl([{"prompt": f"Line {n}: the {colours[n % 3]} door", "completion": colours[n % 3]} for n in range(90)])
    assert run_command(["init", "--data", "rows.jsonl", "--yes", "--out", "sub/p.yaml"]) == 0
    shown = capsys.readouterr().out
    assert "unfit: choice" in shown
    assert "the examples: finetune-advisor grade audit sub/p.yaml sub/../rows.jsonl" in shown
    assert run_command(["grade", "audit", "sub/p.yaml", "sub/../rows.jsonl"]) == 3


def test_the_line_of_an_evaluation_counts_only_rows_that_were_scored(capsys):
    numbers = {"pass_rate": 1.0, "interval": [0.44, 1.0], "n": 7, "unscored": 4}
    stage = SimpleNamespace(name="base", type="evaluate")
    Shown().finished(SimpleNamespace(stage=stage), SimpleNamespace(numbers=numbers, seconds=3.0))
    assert "(44.0% to 100.0%, n=3, 4 unscored)" in capsys.readouterr().err


def test_status_says_which_stage_another_run_works_at(here, jsonl, capsys):
    jsonl(conftest.sums(True))
    assert run_command(["init", "--data", "rows.jsonl", "--yes", "--set", "name=sums"]) == 0
    plan = load_plan(here / "plan.yaml")
    run_folder = here / "runs" / "sums"
    begun = steps(plan, run_folder)[0].folder
    begun.mkdir(parents=True)
    for descriptor, at_work in ((lock(run_folder), True), (None, False)):
        capsys.readouterr()
        assert run_command(["status", "plan.yaml", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)["stages"]
        assert [stage["at_work"] for stage in shown] == [at_work] + [False] * (len(shown) - 1)
        assert (shown[0]["why"] is None) == at_work
        if descriptor is not None:
            os.close(descriptor)


def test_data_shows_roles_findings_and_three_rows(here, jsonl, capsys):
    jsonl(conftest.pairs())
    assert run_command(["data", "rows.jsonl"]) == 0
    shown = capsys.readouterr().out
    assert "rejected: No." in shown
    assert shown.count("\nrow ") == 3
    assert run_command(["data", "rows.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_pairs"] == 220


def test_tokens_are_shown_where_only_ascii_can_be_printed(here, jsonl):
    jsonl([{"prompt": f"caf\u00e9 {n}", "completion": f"\u56db {n}"} for n in range(60)])
    ascii_only = {**ENVIRONMENT, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", MAIN, "data", "rows.jsonl", "--model", "starter"]
    done = subprocess.run(command, cwd=here, env=ascii_only, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "caf? 0" in done.stdout


def test_on_a_terminal_it_asks_and_ctrl_c_keeps_the_answers(here, jsonl):
    jsonl(conftest.sums(True))
    terminal = Terminal(here, "init", "--data", "rows.jsonl")
    terminal.wait_for("What is the model to do")
    terminal.type("\x15Add things up\r")
    terminal.wait_for("Which model?")
    terminal.type("\x03")
    assert terminal.exit_code() == 130
    kept = yaml.safe_load((here / "answers.yaml").read_text())
    assert kept == {"data": "rows.jsonl", "task": "Add things up"}
    assert not (here / "plan.yaml").exists()


def test_on_a_terminal_a_path_is_typed_as_it_is_and_no_default_stands_in_its_way(here, jsonl):
    jsonl(conftest.sums(True))
    terminal = Terminal(here, "init")
    terminal.wait_for("Where is your data?")
    terminal.type("rows.jsonl\r")
    terminal.wait_for("What is the model to do")
    terminal.type("Add things up\r")
    terminal.wait_for("Which model?")
    terminal.type("\x03")
    assert terminal.exit_code() == 130
    kept = yaml.safe_load((here / "answers.yaml").read_text())
    assert kept == {"data": "rows.jsonl", "task": "Add things up"}


def test_on_a_terminal_enter_takes_each_default(here, jsonl):
    jsonl(conftest.sums(True))
    terminal = Terminal(here, "init", "--data", "rows.jsonl", "--no-probe")
    questions = ["What is the model to do", "Which model?", "Can a program", "Which grader", "Do answers get better"]
    for question in [*questions, "new to the model?", "How shall the plan be called?"]:
        terminal.wait_for(question)
        terminal.type("\r")
    assert terminal.exit_code() == 0
    assert [stage.type for stage in load_plan(here / "plan.yaml").plan.stages][1:5:3] == ["sft", "grpo"]
    assert yaml.safe_load((here / "answers.yaml").read_text())["reasoning_helps"] is True


def test_brackets_and_colons_in_data_and_answers_are_no_markup(here, jsonl, capsys):
    jsonl([{"prompt": f"[INST] {n} :x: [/INST]", "completion": f"[/b] {n}"} for n in range(60)])
    command = ["init", "--data", "rows.jsonl", "--yes", "--set", "task=Close [/INST] :x:", "--out", "[/a]/plan.yaml"]
    assert run_command(command) == 0
    shown = capsys.readouterr().out
    assert "[INST] 0 :x: [/INST]" in shown
    assert "Close [/INST] :x:" in shown
    assert run_command(["data", "rows.jsonl"]) == 0
    assert run_command(["status", "[/a]/plan.yaml"]) == 0
    assert "would run" in capsys.readouterr().out


def test_explain_tells_the_decision_that_init_kept(here, capsys):
    write_csv(here / "rows.csv", conftest.sums(worked=False))
    assert run_command(["init", "--data", "rows.csv", "--yes"]) == 0
    capsys.readouterr()
    assert run_command(["explain", "plan.yaml"]) == 0
    shown = capsys.readouterr().out
    for part in ["Advice: sft → grpo", "Runner-up: sft", "The advice would change", "On the way", "Sources"]:
        assert part in shown


def test_rows_that_contradict_each_other_are_not_to_be_trained_on_yet(here, capsys):
    rows = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(200)]
    rows += [{"question": f"What is {n} + 1?", "answer": str(n + 2)} for n in range(50)]
    write_csv(here / "rows.csv", rows)
    assert run_command(["init", "--data", "rows.csv", "--yes"]) == 0
    shown = capsys.readouterr().out
    assert "Advice: do not fine-tune" in shown
    assert "40% of the rows ask what another row asks, and answer otherwise" in " ".join(shown.split())


def test_worked_answers_that_differ_in_words_are_no_contradiction(here, capsys):
    rows = [{"question": f"What is {n} + 1?", "answer": f"{n} + 1 = {n + 1}\n#### {n + 1}"} for n in range(200)]
    rows += [{"question": f"What is {n} + 1?", "answer": f"1 + {n} = {n + 1}\n#### {n + 1}"} for n in range(100)]
    write_csv(here / "rows.csv", rows)
    assert run_command(["init", "--data", "rows.csv", "--yes"]) == 0
    assert "do not fine-tune" not in capsys.readouterr().out.split("The advice would change")[0]


def test_in_chinese_it_takes_chinese_answers_and_writes_the_same_files(here, capsys):
    write_csv(here / "rows.csv", conftest.sums(worked=False))
    command = ["init", "--data", "rows.csv", "--yes"]
    assert run_command([*command, "--lang", "zh", "--set", "reasoning_helps=不知道", "--set", "format_new=否"]) == 0
    shown = capsys.readouterr().out
    assert "建议：sft" in shown
    assert "推理是否有帮助还不知道" in shown
    assert "Advice" not in shown
    in_chinese = (here / "plan.yaml").read_text()
    assert yaml.safe_load((here / "answers.yaml").read_text())["reasoning_helps"] == "unknown"
    assert run_command([*command, "--force"]) == 0
    assert "Advice: sft" in capsys.readouterr().out
    assert (here / "plan.yaml").read_text() == in_chinese
    assert run_command(["explain", "plan.yaml", "--lang", "zh"]) == 0
    assert "以下情况会改变建议" in capsys.readouterr().out
    assert run_command([*command, "--lang", "zh", "--json", "--force"]) == 0
    assert "nobody knows whether reasoning helps" in json.loads(capsys.readouterr().out)["because"][0]


def test_the_locale_chooses_the_language_of_errors_too(here, monkeypatch, capsys):
    monkeypatch.delenv("FINETUNE_ADVISOR_LANG")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert run_command(["init", "--yes", "--data", "nowhere.jsonl"]) == 1
    assert "处没有数据" in capsys.readouterr().err
    monkeypatch.setenv("FINETUNE_ADVISOR_LANG", "fr")
    assert run_command(["init", "--yes"]) == 1
    assert "FINETUNE_ADVISOR_LANG is 'fr'" in capsys.readouterr().err


def test_answers_that_cannot_both_be_true_are_refused_and_not_kept(here, jsonl, capsys):
    jsonl(conftest.sums(True))
    command = ["init", "--data", "rows.jsonl", "--yes"]
    assert run_command([*command, "--set", "verifiable=no", "--set", "grader=numeric"]) == 1
    assert "verifiable says no, and grader says numeric" in capsys.readouterr().err
    assert run_command([*command, "--set", "preferences=500"]) == 1
    assert run_command(command) == 0, "no flag of a failed call answers this one"
    assert "labelled says" not in capsys.readouterr().out
    assert run_command([*command, "--set", "labelled=100000", "--force"]) == 0
    assert "labelled says 100,000, but the file has" in " ".join(capsys.readouterr().out.split())


def test_a_folder_without_a_model_is_no_model(here, jsonl, capsys):
    jsonl(conftest.sums(True))
    (here / "folder").mkdir()
    assert run_command(["init", "--data", "rows.jsonl", "--yes", "--set", "model=./folder"]) == 1
    assert "this folder holds no model" in capsys.readouterr().err
