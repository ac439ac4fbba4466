"""Imitation that makes a model surely worse on validation rows leaves it as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from pipelines import rejection_sampling
from pipelines.job import Job, Progress
from pipelines.plan_file import load_plan
from pipelines.sft import run
from pipelines.sources import STARTER

Planner = Callable[..., Job]


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    """planned(words): a job of SFT on sums that the starter knows, answered in these words."""

    def write(words: str, tuning: str = "full", **stage: Any) -> Job:
        draw = Random(5)
        for part, number in {"train": 40, "validation": 40, "test": 10}.items():
            rows = []
            for _ in range(number):
                had, more, last = draw.randint(2, 60), draw.randint(2, 40), draw.randint(2, 9)
                question = (
                    f"Tom has {had} pens and buys {more} more. He then packs them in boxes and finds {last} more pens. "
                    "How many pens has he now?"
                )
                rows.append({"question": question, "answer": words.format(had, more, last, had + more + last)})
            (tmp_path / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        plan = {
            "version": 1,
            "name": "p",
            "model": {"name": "starter", "tuning": tuning},
            "data": {part: f"{part}.jsonl" for part in ("train", "validation", "test")},
            "graders": {"answer": {"type": "numeric"}},
            "metric": "answer",
            "stages": [{"type": "sft", "name": "sft", "batch_size": 8, **stage}],
        }
        (tmp_path / "plan.yaml").write_text(json.dumps(plan))
        folder = tmp_path / "out"
        folder.mkdir()
        loaded = load_plan(tmp_path / "plan.yaml").plan
        return Job(loaded, "sft", tmp_path, folder, str(STARTER), None, Progress(folder / "events.jsonl"))

    return write


def is_the_starter(folder: Path) -> bool:
    before, after = (
        AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).state_dict() for path in (STARTER, folder)
    )
    return all(torch.equal(tensor, after[name]) for name, tensor in before.items())


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_model_that_others_answers_make_worse_is_left_as_it_was(
    planned: Planner, tmp_path: Path, tuning: str
) -> None:
    words = "pens are what he has: {0}, {1} and {2}, hm #### {3}"
    numbers = run(planned(words, tuning, epochs=8, learning_rate=4e-3))
    assert numbers["taken_from_step"] == 0 < numbers["steps"]
    assert numbers["note"].startswith("sft: training made the model surely worse on validation rows (")
    assert "rejection_sampling with `demonstrations: left_out`" in (tmp_path / "out" / "events.jsonl").read_text()
    assert is_the_starter(tmp_path / "out" / "model")
    measured = json.loads((tmp_path / "out" / "validation.json").read_text())
    means = {int(step): sum(scores) / len(scores) for step, scores in measured.items()}
    assert min(means) == 0
    assert means[0] > 0.3 > max(mean for step, mean in means.items() if step > 0)
    assert numbers["validation_before"] == numbers["validation_score"] == means[0]


def test_rejection_sampling_that_never_makes_a_model_better_leaves_it_as_it_was(
    planned: Planner, tmp_path: Path
) -> None:
    words = "pens are what he has: {0}, {1} and {2}, hm #### {3}"
    stage = {"type": "rejection_sampling", "samples_per_prompt": 1, "max_new_tokens": 40}
    numbers = rejection_sampling.run(planned(words, epochs=8, learning_rate=4e-3, **stage))
    (one,) = numbers["rounds"]
    measured = json.loads((tmp_path / "out" / "rounds" / "1" / "validation.json").read_text())
    assert one["validation_score"] == sum(measured["0"]) / 40 > 0.3
    assert numbers["taken_from_step"] == 0 < numbers["steps"]
    assert numbers["validation_before"] == numbers["validation_score"] == one["validation_score"]
    why = "training made the model no better on validation rows ("
    assert numbers["note"].startswith(f"sft: {why}")
    assert f"round 1: {why}" in (tmp_path / "out" / "events.jsonl").read_text()
    assert is_the_starter(tmp_path / "out" / "model")


def test_what_imitation_made_is_left_where_only_the_input_model_could_be_measured(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.keep_best.KeepBest._due", lambda keep, state: False)
    numbers = run(planned("{0}+{1}+{2}={3}\n#### {3}", epochs=1, learning_rate=1e-4))
    assert numbers["taken_from_step"] == numbers["steps"] > 0
    assert "note" not in numbers
    assert not is_the_starter(tmp_path / "out" / "model")


def test_rejection_sampling_leaves_what_it_trained_where_only_the_input_model_could_be_measured(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.keep_best.KeepBest._due", lambda keep, state: False)
    stage = {"type": "rejection_sampling", "samples_per_prompt": 1, "max_new_tokens": 40}
    numbers = rejection_sampling.run(planned("{0}+{1}+{2}={3}\n#### {3}", epochs=1, learning_rate=1e-4, **stage))
    (one,) = numbers["rounds"]
    assert one["validation_score"] is None, "of the model that is left nothing is known"
    assert numbers["taken_from_step"] == numbers["steps"] > 0
    assert not is_the_starter(tmp_path / "out" / "model")


def test_a_model_that_is_no_worse_is_what_imitation_made_of_it(planned: Planner, tmp_path: Path) -> None:
    numbers = run(planned("{0}+{1}+{2}={3}\n#### {3}", epochs=1, learning_rate=1e-5))
    assert numbers["taken_from_step"] > 0
    assert "note" not in numbers
    assert not is_the_starter(tmp_path / "out" / "model")
