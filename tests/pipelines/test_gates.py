"""Every bound of a gate, shut and open; what is kept of it; and what machines are told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from advisor.ci import github
from advisor.ci.junit import write_junit
from advisor.cli.main import run_command
from pipelines.evals.grades import GradedRow, write_grades
from pipelines.files import write_json
from pipelines.gate_file import Judgement, kept
from pipelines.gates import change, judge
from pipelines.launcher import DONE
from pipelines.plan_file import load_plan
from pipelines.run_report import evaluated
from pipelines.runner import GATE_CLOSED, Options, run_plan
from pipelines.state import Step, steps
from tests.pipelines.test_runner import BASE, SFT, Notes, Writer

KEPT = "kept.jsonl"


def graded(passed: int, of: int = 40, **more: Any) -> list[GradedRow]:
    """The first `passed` of the rows are right."""
    made = []
    for number in range(of):
        right = number < passed
        fields = {"index": number, "prompt": f"p{number}", "prompt_key": str(number), "completion": "c", "reason": ""}
        made.append(GradedRow(**{**fields, "score": float(right), "passed": right, "num_tokens": 4, **more}))
    return made


Done = Callable[..., list[Step]]


@pytest.fixture
def done(write_plan: Writer, tmp_path: Path) -> Done:
    """Steps of base → training → after with these graded rows, as if they had run."""

    def make(
        gate: dict[str, Any], base: list[GradedRow], after: list[GradedRow], kl: dict[str, float] | None = None
    ) -> list[Step]:
        (tmp_path / KEPT).write_text('{"prompt": "hello", "reference": "hello"}\n')
        stages = [BASE, {"type": "grpo", "name": "rl"}, {"type": "evaluate", "name": "after", "gate": gate}]
        plan = load_plan(write_plan(*stages, evaluation={"regression": KEPT, "max_new_tokens": 4, "pass_k": 0}))
        todo = steps(plan, tmp_path / "run")
        for step, rows in zip(todo, (base, None, after), strict=True):
            numbers: dict[str, Any] = {"train_seconds": 1.0, **(kl or {})}
            if rows is not None:
                passed = sum(bool(row.passed) for row in rows)
                numbers = {
                    "n": len(rows),
                    "pass_rate": passed / len(rows),
                    "mean_score": passed / len(rows),
                    "interval": [0, 1],
                    "unscored": sum(row.score is None for row in rows),
                    "truncated_rate": sum(row.truncated for row in rows) / len(rows),
                    "mean_tokens": 4.0,
                    "max_new_tokens": 4,
                }
                write_grades(step.folder / "grades.jsonl", rows)
                write_grades(step.folder / "regression.jsonl", graded(30 if step.stage.name == "base" else 20))
            write_json(step.record_path, _record(step, numbers))
        return todo

    return make


def _record(step: Step, numbers: dict[str, Any]) -> dict[str, Any]:
    return {
        "stage": step.stage.name,
        "type": step.stage.type,
        "fingerprint": step.fingerprint,
        "parts": dict(step.parts),
        "numbers": numbers,
        "seconds": 1.0,
        "finished": "2026-01-01T00:00:00+00:00",
        "versions": {},
    }


def judged(todo: list[Step], *allow: str) -> Judgement:
    found = judge(todo[-1], todo, allow)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("gate", "passed", "said"),
    [
        ({"min_pass_rate": 0.6}, 20, "pass rate 50.0% is under 60.0%"),
        ({"min_pass_rate": 0.5}, 20, None),
        ({"min_score": 0.6}, 20, "mean score 50.0% is under 60.0%"),
        ({"min_gain": 0}, 12, "the low end of the gain over the base is +0.0 points, not over +0.0"),
        ({"min_gain": 0}, 30, None),
        ({"min_gain": 0, "over": "previous"}, 12, "the low end of the gain over `base` is +0.0 points, not over +0.0"),
        ({"max_drop": 0}, 12, None),
        ({"max_drop": 0}, 1, "the change over the base is -"),
        ({"max_drop": 60}, 1, None),
        ({"max_drop": 0, "over": "previous"}, 1, "the change over `base` is -"),
        ({"max_regression": 5}, 20, "on the rows that must not get worse the low end of the change is -"),
        ({"max_regression": 60}, 20, None),
        ({"max_kl": 1.5}, 20, "its KL is 2.00 nats an answer, over 1.5"),
        ({"max_kl": 2.5}, 20, None),
    ],
)
def test_a_bound_opens_or_shuts_the_gate(done: Done, gate: dict[str, Any], passed: int, said: str | None) -> None:
    found = judged(done(gate, graded(12), graded(passed), {"last_kl_per_token": 0.5}))
    assert (found.refusal is None) is (said is None)
    assert said is None or str(found.refusal).startswith(said)


def test_too_few_prompts_show_no_drop(done: Done) -> None:
    assert judged(done({"max_drop": 0}, graded(20, 20), graded(0, 20))).refusal is None
    said = str(judged(done({"max_drop": 0}, graded(40, 40), graded(0, 40))).refusal)
    assert said == "the change over the base is -100.0 to -100.0 points, surely below -0"


def test_answers_that_were_cut_or_not_judged_shut_the_gate(done: Done) -> None:
    cut = [*graded(20, 36), *(row.model_copy(update={"index": 36 + row.index}) for row in graded(0, 4, truncated=True))]
    found = judged(done({"max_truncated": 0.05, "max_unscored": 0.2}, graded(12), cut))
    assert found.refusal == "10.0% of the answers are cut by the length limit, over 5.0%"
    assert [(check.name, check.passed) for check in found.checks] == [("max_unscored", True), ("max_truncated", False)]


def test_a_gain_at_a_higher_confidence_is_harder_to_show() -> None:
    before, after = graded(12), graded(20)
    loose, tight = change(before, after, 0.8), change(before, after, 0.99)
    assert loose is not None
    assert tight is not None
    assert tight.low < loose.low < 20 < loose.high < tight.high
    unscored = [row.model_copy(update={"score": None, "passed": None}) for row in before]
    assert change(before, unscored, 0.95) is None


def test_a_kl_that_nobody_measured_shuts_the_gate(done: Done) -> None:
    assert judged(done({"max_kl": 1.0}, graded(12), graded(20))).refusal == "its training reported no KL"


def test_an_allowed_gate_leaves_its_trace_and_says_what_to_do_instead(done: Done) -> None:
    todo = done({"min_pass_rate": 0.9, "instead": "label more rows"}, graded(12), graded(20))
    found = judged(todo, "after")
    assert found.allowed
    assert found.refusal == "pass rate 50.0% is under 90.0%. Instead: label more rows"
    assert Judgement.model_validate_json((todo[-1].folder / "gate.json").read_text()) == found
    assert not judged(todo).allowed


def test_gates_and_stages_become_junit_cases(done: Done, tmp_path: Path) -> None:
    todo = done({"min_pass_rate": 0.9, "max_truncated": 0.5}, graded(12), graded(20))
    judged(todo)
    write_junit(tmp_path / "junit.xml", "p\x00lan", todo, None)
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("5", "1", "0")
    failed = [case for case in suite if case.find("failure") is not None]
    assert [(case.get("classname"), case.get("name")) for case in failed] == [("gate.after", "min_pass_rate")]
    judged(todo, "after")
    (todo[1].folder / "done.json").unlink()
    write_junit(tmp_path / "junit.xml", "plan", todo, "out of\nmemory")
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "1", "1")


def test_github_gets_annotations_on_one_line_and_the_report(done: Done, tmp_path: Path) -> None:
    todo = done({"min_pass_rate": 0.9}, graded(12), graded(20))
    judged(todo)
    assert github.annotations(todo, "no room\n100% full") == [
        "::error title=gate of after::pass rate 50.0%25 is under 90.0%25",
        "::error title=finetune-advisor::no room%0A100%25 full",
    ]
    (tmp_path / "report.md").write_text("# p\n")
    environment = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    assert github.add_summary(environment, tmp_path / "report.md")
    assert (tmp_path / "summary.md").read_text() == "# p\n\n"
    assert not github.at_work({})


def test_rows_that_must_not_get_worse_are_answered_beside_the_test_rows(write_plan: Writer, tmp_path: Path) -> None:
    (tmp_path / KEPT).write_text("".join(f'{{"prompt": "{n} + 1 =", "reference": "{n + 1}"}}\n' for n in range(8)))
    settings = {"regression": KEPT, "max_new_tokens": 4, "pass_k": 0}
    gate = {"min_pass_rate": 0.9, "max_regression": 50}
    plan = write_plan(BASE, SFT, {"type": "evaluate", "name": "after", "gate": gate}, evaluation=settings)
    notes = Notes()
    folder = tmp_path / "run"
    assert run_plan(load_plan(plan), folder, Options(), notes) == GATE_CLOSED
    (path,) = folder.glob("stages/after-*/done.json")
    assert json.loads(path.read_text())["numbers"]["regression"]["n"] == 8
    assert run_plan(load_plan(plan), folder, Options(allow=("after",)), notes) == DONE
    assert notes.lines[-1] == "allowed after: pass rate 0.0% is under 90.0%"
    assert "The gate of after stayed shut and was allowed by --allow-gate" in (folder / "report.md").read_text()
    (tmp_path / KEPT).write_text('{"prompt": "2 + 1 =", "reference": "3"}\n')
    assert "changed: regression rows" in _why(plan, folder)


def _why(plan: Path, folder: Path) -> str:
    notes = Notes()
    run_plan(load_plan(plan), folder, Options(until="base"), notes)
    return notes.lines[0]


def test_run_tells_machines_of_a_shut_gate(
    write_plan: Writer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    plan = write_plan(BASE | {"gate": {"min_pass_rate": 0.9}}, evaluation={"max_new_tokens": 4, "pass_k": 0})
    events, junit = tmp_path / "events.jsonl", tmp_path / "junit.xml"
    assert run_command(["run", str(plan), "--events", str(events), "--junit", str(junit)]) == GATE_CLOSED
    told = [json.loads(line) for line in events.read_text().splitlines()]
    kinds = [one["event"] for one in told if one["event"] != "progress"]
    assert kinds == ["started", "finished", "gate_closed", "ended"]
    assert told[-1]["code"] == GATE_CLOSED
    assert 'failures="1"' in junit.read_text()
    assert "::error title=gate of base::pass rate 0.0%25 is under 90.0%25" in capsys.readouterr().err
    assert run_command(["run", str(plan), "--allow-gate", "sft"]) == 1
    assert "no stage with a gate is called `sft`" in capsys.readouterr().err


def test_a_damaged_record_of_a_gate_is_judged_anew(done: Done) -> None:
    todo = done({"min_pass_rate": 0.5}, graded(10), graded(30))
    first = judge(todo[-1], todo, ())
    path = todo[-1].folder / "gate.json"
    path.write_text(path.read_text()[:20])
    assert kept(todo[-1]) is None
    assert judge(todo[-1], todo, ()) == first == kept(todo[-1])


def test_arms_from_one_model_are_each_measured_over_it(write_plan: Writer, tmp_path: Path) -> None:
    """SFT, then GRPO and PPO both from SFT; PPO's gate asks for a gain over SFT, not over GRPO."""
    gate = {"min_gain": 0, "over": "previous"}
    stages = [BASE, SFT, {"type": "evaluate", "name": "after_sft"}]
    stages += [{"type": "grpo", "name": "one", "policy": "sft"}, {"type": "evaluate", "name": "after_one"}]
    stages += [{"type": "ppo", "name": "two", "policy": "sft"}, {"type": "evaluate", "name": "after_two", "gate": gate}]
    todo = steps(load_plan(write_plan(*stages)), tmp_path / "run")
    passed = {"base": 2, "after_sft": 10, "after_one": 35, "after_two": 30}
    for step in todo:
        if step.stage.name in passed:
            write_grades(step.folder / "grades.jsonl", graded(passed[step.stage.name]))
        write_json(step.record_path, _record(step, {"n": 40, "train_seconds": 1.0}))
    after = {model.name: model.after for model in evaluated(todo)}
    assert after == {"base": "", "after_sft": "base", "after_one": "after_sft", "after_two": "after_sft"}
    found = judged(todo)
    assert found.refusal is None
    assert "over `after_sft`" in found.checks[0].said
