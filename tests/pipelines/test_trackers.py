"""A tracker gets the numbers of a training, outside what decides whether a stage is done."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from graders.errors import UserError
from pipelines import engines
from pipelines.launcher import DONE
from pipelines.plan_file import load_plan
from pipelines.state import steps
from tests.pipelines.test_runner import SFT, run

Writer = Callable[..., Path]


def test_tensorboard_gets_the_loss_of_every_step_by_stage(write_plan: Writer) -> None:
    plan = write_plan(SFT, report_to=["tensorboard"])
    assert run(plan)[0] == DONE
    (folder,) = (plan.parent / "run" / "tensorboard").iterdir()
    (stage,) = (plan.parent / "run" / "stages").glob("sft-????????")
    assert folder.name == stage.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        told = EventAccumulator(str(folder)).Reload().Scalars("train/loss")
    logged = [log for log in json.loads((stage / "curve.json").read_text()) if "loss" in log]
    assert [event.step for event in told] == [log["step"] for log in logged]
    assert [event.value for event in told] == pytest.approx([log["loss"] for log in logged], rel=1e-5)


def test_another_tracker_reruns_nothing(write_plan: Writer) -> None:
    plan = write_plan(SFT)
    before = steps(load_plan(plan), plan.parent / "run")
    after = steps(load_plan(write_plan(SFT, report_to=["wandb"])), plan.parent / "run")
    assert [step.fingerprint for step in before] == [step.fingerprint for step in after]


def test_a_tracker_that_is_not_installed_is_told_before_anything_runs(
    write_plan: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda _: None)
    plan = write_plan(SFT, report_to=["trackio"])
    with pytest.raises(UserError, match="trackio is not installed"):
        run(plan)
    assert not (plan.parent / "run").exists()


def test_the_trainer_may_not_name_one_behind_the_plan(write_plan: Writer) -> None:
    with pytest.raises(UserError, match="`report_to` is set by `report_to` of the plan"):
        load_plan(write_plan(SFT | {"trainer": {"report_to": "wandb"}}))
