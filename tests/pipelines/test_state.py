"""Each reason to rerun reruns what it must, says why, and nothing else."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from graders.errors import UserError
from pipelines import state
from pipelines.files import write_json
from pipelines.plan_file import load_plan
from pipelines.run_lock import lock
from pipelines.stages import StageType
from pipelines.state import Record, Step, steps, versions, why_run

Writer = Callable[..., Path]
BASE = {"type": "evaluate", "name": "base"}
SFT = {"type": "sft", "name": "sft", "epochs": 1}
AFTER = {"type": "evaluate", "name": "after"}


def finish(step: Step) -> None:
    record = Record(
        stage=step.stage.name,
        type=step.stage.type,
        fingerprint=step.fingerprint,
        parts=dict(step.parts),
        numbers={},
        seconds=1.0,
        finished="2026-01-01T00:00:00+00:00",
        versions=versions(),
    )
    write_json(step.folder / "job.json", {"parts": dict(step.parts)})
    write_json(step.record_path, record.model_dump(mode="json"))


def reasons(plan: Path) -> Mapping[str, str | None]:
    run = plan.parent / "run"
    return {step.stage.name: why_run(step, run) for step in steps(load_plan(plan), run)}


@pytest.fixture
def finished(write_plan: Writer) -> Path:
    plan = write_plan(BASE, SFT, AFTER)
    for step in steps(load_plan(plan), plan.parent / "run"):
        finish(step)
    return plan


def edit(plan: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(plan.read_text())
    change(value)
    plan.write_text(json.dumps(value))


def test_what_is_done_does_not_run_again(finished: Path) -> None:
    assert reasons(finished) == {"base": None, "sft": None, "after": None}


def test_a_new_plan_has_not_run_yet(write_plan: Writer) -> None:
    assert reasons(write_plan(BASE)) == {"base": "it has not run yet"}


def test_a_changed_key_reruns_its_stage_and_what_reads_it(finished: Path) -> None:
    edit(finished, lambda plan: plan["stages"][1].update(epochs=3))
    assert reasons(finished) == {"base": None, "sft": "changed: epochs", "after": "changed: the model of `sft`"}


def test_changed_rows_rerun_everything(finished: Path) -> None:
    rows = finished.parent / "rows.jsonl"
    rows.write_text(rows.read_text() + '{"prompt": "9 + 9 = ?", "completion": "18", "reference": "18"}\n')
    assert reasons(finished)["base"] == "changed: data"
    assert reasons(finished)["sft"] == "changed: data"


def test_a_changed_metric_reruns_what_chose_weights_by_it(finished: Path) -> None:
    edit(finished, lambda plan: plan["graders"]["answer"].update(abs_tolerance=0.5))
    assert reasons(finished)["sft"] == "changed: grader answer"


def test_another_pass_mark_reruns_evaluations_only(finished: Path) -> None:
    edit(finished, lambda plan: plan["graders"]["answer"].update(pass_at=0.5))
    assert reasons(finished) == {"base": "changed: grader answer", "sft": None, "after": "changed: grader answer"}


def test_a_gate_reruns_nothing(finished: Path) -> None:
    edit(finished, lambda plan: plan["stages"][2].update(gate={"min_pass_rate": 0.5}))
    assert reasons(finished)["after"] is None


def test_a_default_that_is_written_out_reruns_nothing(finished: Path) -> None:
    edit(finished, lambda plan: plan.update(seed=0))
    assert set(reasons(finished).values()) == {None}


def test_a_changed_model_file_reruns_everything(finished: Path, tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    edit(finished, lambda plan: plan["model"].update(name=str(copy)))
    assert reasons(finished)["base"] is None, "the same content in another folder is the same model"
    (copy / "config.json").write_text((copy / "config.json").read_text() + "\n")
    assert reasons(finished)["base"] == "changed: model"


def test_a_stage_that_was_stopped_says_so(write_plan: Writer) -> None:
    plan = write_plan(BASE, SFT)
    step = steps(load_plan(plan), plan.parent / "run")[1]
    write_json(step.folder / "job.json", {"parts": dict(step.parts)})
    assert reasons(plan)["sft"] == "it was stopped before it was done"
    (step.folder / "checkpoints" / "checkpoint-3").mkdir(parents=True)
    (step.folder / "checkpoints" / "checkpoint-3" / "complete").touch()
    assert reasons(plan)["sft"] == "it was stopped; it goes on from its newest checkpoint"


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    lock(tmp_path / "run")
    with pytest.raises(UserError, match="another `run` is at work here"):
        lock(tmp_path / "run")


def test_a_stage_reads_the_newest_model_that_is_no_control(write_plan: Writer) -> None:
    control = {"type": "sft", "name": "longer", "policy": "sft", "control": True, "same_time_as": "sft"}
    plan = write_plan(BASE, SFT, control, AFTER)
    read = [step.sources.get("policy") for step in steps(load_plan(plan), plan.parent / "run")]
    assert read == [None, None, "sft", "sft"]


def test_a_stage_may_start_from_the_plans_own_model_whatever_came_before(write_plan: Writer) -> None:
    other = {"type": "sft", "name": "other", "policy": "model", "epochs": 3}
    again = {"type": "evaluate", "name": "base_again", "policy": "model"}
    plan = write_plan(BASE, SFT, AFTER, other, {"type": "evaluate", "name": "after_other"}, again)
    found = steps(load_plan(plan), plan.parent / "run")
    assert [step.sources.get("policy") for step in found] == [None, None, "sft", None, "other", None]
    assert found[3].parts["model"] == found[1].parts["model"]
    called_so = write_plan(BASE, {**SFT, "name": "model"}, {"type": "evaluate", "name": "after", "policy": "model"})
    assert steps(load_plan(called_so), plan.parent / "run")[2].sources["policy"] == "model", "a stage of that name wins"


LABEL = {"type": "label", "name": "ask", "prompts": 20, "at_least": 5}


def test_answers_of_people_do_not_rerun_the_stage_that_asks_for_them(write_plan: Writer) -> None:
    plan = write_plan(LABEL, SFT)
    for step in steps(load_plan(plan), plan.parent / "run"):
        finish(step)
    (plan.parent / "preferences.jsonl").write_text("{}\n")
    edit(plan, lambda value: value["stages"][0].update(at_least=6, answers="others.jsonl"))
    assert reasons(plan) == {"ask": None, "sft": None}
    edit(plan, lambda value: value["stages"][0].update(completions=3))
    assert reasons(plan) == {"ask": "changed: completions", "sft": None}


def test_a_stage_that_reads_answers_runs_again_when_they_or_the_completions_change(
    write_plan: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = StageType("pipelines.sft", ("policy", "rows"), "policy", "metric")
    monkeypatch.setattr(state, "STAGES", {**state.STAGES, "sft": reads})
    plan = write_plan(LABEL, SFT)
    answers = plan.parent / "preferences.jsonl"
    before = steps(load_plan(plan), plan.parent / "run")
    assert [step.sources for step in before] == [{}, {"rows": "ask"}]
    for step in before:
        finish(step)
    answers.write_text("{}\n")
    assert reasons(plan) == {"ask": None, "sft": "changed: answers"}
    edit(plan, lambda value: value["stages"][0].update(temperature=0.5))
    assert reasons(plan)["sft"] == "changed: answers, the completions of `ask`"


def test_a_field_that_is_left_open_is_no_part_of_what_a_stage_was_made_from(finished: Path) -> None:
    loaded = load_plan(finished)
    parts = [step.parts for step in steps(loaded, finished.parent / "run")]
    assert all("null" not in value for part in parts for key, value in part.items() if not key.startswith("grader"))
