"""What `check` says of the device, by what a look at it found."""

from typing import Any

import pytest
import torch

from pipelines.plan import Plan
from pipelines.plan_file import LoadedPlan
from pipelines.preflight.device import facts
from pipelines.preflight.environment import lines
from pipelines.preflight.look import Look
from pipelines.preflight.record import Line
from pipelines.preflight.subject import Subject

CARD = {"gpu": "Tesla T4", "gpus": 1, "device_bytes": 15 * 2**30, "bf16": True, "imitated": False}


def device_line(tmp_path: Any, **found: Any) -> Line:
    plan = Plan.model_validate(
        {
            "version": 1,
            "name": "p",
            "model": {"name": str(tmp_path)},
            "data": {"train": "rows.jsonl"},
            "graders": {"answer": {"type": "numeric"}},
            "metric": "answer",
            "stages": [{"type": "sft", "name": "sft"}],
        }
    )
    look = Look(lines=(), stages=(), parameters=10**9, trained_by_lora=10**6, **(CARD | found))
    subject = Subject(LoadedPlan(plan, tmp_path / "plan.yaml"), tmp_path / "run", None, look)  # type: ignore[arg-type]
    (line,) = [line for line in lines(subject) if line.about == "device"]
    return line


def test_a_gpu_that_imitates_bf16_is_told_of(tmp_path: Any) -> None:
    line = device_line(tmp_path, imitated=True)
    assert line.level == "amber"
    assert line.said == "Tesla T4 with 15.0 GiB only imitates bf16: several times slower"
    assert device_line(tmp_path).level == "green"
    assert device_line(tmp_path, gpu=None, gpus=0).level == "amber", "a billion parameters on a CPU"


@pytest.mark.parametrize(("major", "imitated"), [(7, True), (9, False)])
def test_torch_is_asked_whether_it_only_imitates(major: int, imitated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A T4 (7.5) says yes to is_bf16_supported() alone."""

    class Card:
        total_memory, name = 15 * 2**30, "Tesla T4"

    Card.major = major  # type: ignore[attr-defined]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Card)
    assert facts()["imitated"] is imitated
