"""`finetune-advisor pilot` on the starter, as a user calls it."""

import json
from pathlib import Path

import pytest

from advisor.cli.main import run_command
from pipelines.plan_file import load_plan
from tests.advisor.pilot.test_arms import Planner, planned

__all__ = ["planned"]


@pytest.mark.soak
def test_a_pilot_races_the_methods_and_a_second_call_trains_nothing(
    planned: Planner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fast = {"steps": 3, "prompts_per_step": 4, "group_size": 4, "max_new_tokens": 40}
    loaded = planned(stages=[{"type": "sft", "name": "sft", "epochs": 1}, {"type": "grpo", "name": "grpo", **fast}])
    asked = ["pilot", str(loaded.path), "--methods", "sft,grpo", "--minutes", "60", "--no-curve", "--json"]
    assert run_command(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["compared_rows"] == 40
    assert {arm["name"] for arm in found["arms"]} == {"sft", "grpo", "sft_longer"}
    assert sorted(arm["rungs"] for arm in found["arms"]) == [1, 2, 2]  # of three arms two go on
    asked_rows = {json.loads(line)["prompt"] for line in (tmp_path / "test.jsonl").read_text().splitlines()}
    answered = [path.read_text() for path in (tmp_path / "runs/sums-pilot").glob("stages/*/grades.jsonl")]
    assert len(answered) == 6
    assert not any(json.loads(line)["prompt"] in asked_rows for text in answered for line in text.splitlines())
    assert run_command(asked) == 0
    again = capsys.readouterr()
    assert json.loads(again.out) == found
    assert "already done" in again.err
    assert "has not run yet" not in again.err


@pytest.mark.soak
def test_the_learning_curve_trains_on_parts_of_the_labels_and_no_plan_follows_from_no_gain(
    planned: Planner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = planned(generate_labelled(90), stages=[{"type": "sft", "name": "s", "epochs": 1, "learning_rate": 1e-9}])
    better = str(tmp_path / "better.yaml")
    code = run_command(["pilot", str(loaded.path), "--methods", "sft", "--minutes", "60", "--write", better])
    out = capsys.readouterr()
    assert code == 1
    assert "SFT by labelled rows: 22: " in out.out
    assert "the pilot shows no method that beats the model as it is" in out.err
    assert not (tmp_path / "better.yaml").exists()


def generate_labelled(number: int) -> list[dict[str, str]]:
    from pipelines.starter.tasks import generate

    return generate("arithmetic", number, seed=6)


def test_one_method_is_tried_against_the_model_as_it_is(planned: Planner, capsys: pytest.CaptureFixture[str]) -> None:
    fast = {"steps": 2, "prompts_per_step": 4, "group_size": 4, "max_new_tokens": 40}
    loaded = planned(stages=[{"type": "grpo", "name": "grpo", **fast}])
    assert run_command(["pilot", str(loaded.path), "--methods", "grpo", "--minutes", "60", "--no-curve"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("as it is ")
    assert "A pilot on 40 validation rows: " in shown


def test_a_plan_follows_from_a_gain(planned: Planner, tmp_path: Path) -> None:
    from advisor.pilot.apply import applied, text_of
    from advisor.pilot.verdict import concluded
    from tests.advisor.pilot.test_verdict import graded, measured

    loaded = planned()
    result = concluded("sums", graded(40), [measured("sft", 42), measured("grpo", 70)], 1.0, None)
    (tmp_path / "better.yaml").write_text(text_of(applied(loaded, result), result))
    plan = load_plan(tmp_path / "better.yaml").plan
    assert [stage.name for stage in plan.stages] == ["base", "sft", "after_sft", "grpo", "after_grpo"]
    assert plan.stages[1].epochs == 2.0
    assert plan.decision is not None
    assert plan.decision.advice == "sft → grpo"
    assert plan.decision.because[0] == result.evidence[0]
