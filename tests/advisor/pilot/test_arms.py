"""Which methods a pilot tries, in what rounds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.pilot import rows
from advisor.pilot.arms import Arm, arms
from advisor.pilot.rungs import Entry, minutes_each, plan_of, stages, survivors
from graders.errors import UserError
from pipelines.data.split import prompt_hash
from pipelines.plan_file import LoadedPlan, load_plan
from pipelines.starter.tasks import generate

Planner = Callable[..., LoadedPlan]


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    """A plan over 60 word problems, half of them with answers alone; 40 more choose, 30 prove."""

    def write(rows_of: list[dict[str, Any]] | None = None, stages: list[dict[str, Any]] | None = None) -> LoadedPlan:
        train = rows_of if rows_of is not None else generate("arithmetic", 60, seed=3)
        if rows_of is None:
            for row in train[30:]:
                del row["completion"]
        parts = {
            "train": train,
            "validation": generate("arithmetic", 40, seed=4),
            "test": generate("arithmetic", 30, seed=5),
        }
        for name, some in parts.items():
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
        plan = {
            "version": 1,
            "name": "sums",
            "data": {name: f"{name}.jsonl" for name in parts},
            "graders": {"answer": {"type": "numeric"}},
            "metric": "answer",
            "evaluation": {"max_new_tokens": 40},
            "stages": stages or [{"type": "sft", "name": "sft", "epochs": 2, "learning_rate": 3e-4}],
        }
        (tmp_path / "plan.yaml").write_text(json.dumps(plan))
        return load_plan(tmp_path / "plan.yaml")

    return write


def test_everything_that_rows_and_grader_allow_is_tried_and_practice_starts_warm(planned: Planner) -> None:
    loaded = planned()
    found = arms(loaded.plan, rows.load(loaded))
    assert [arm.name for arm in found] == ["sft", "rejection_sampling", "grpo", "ppo", "sft_longer"]
    assert [arm.warm for arm in found] == [False, True, True, True, True]
    assert found[0].settings == {"epochs": 2.0, "learning_rate": 3e-4}


def test_without_sft_in_the_plan_every_arm_starts_from_the_model_itself(planned: Planner) -> None:
    loaded = planned(stages=[{"type": "grpo", "name": "g", "steps": 3}])
    found = arms(loaded.plan, rows.load(loaded))
    assert not any(arm.warm for arm in found)
    assert {arm.name: arm.settings for arm in found}["grpo"] == {"steps": 3}
    made = stages([Entry(arm, 1) for arm in found], 1.0)
    assert all("policy" not in stage for stage in made if stage["type"] != "evaluate")


def test_a_method_without_data_for_it_is_refused_with_the_reason(planned: Planner) -> None:
    loaded = planned()
    with pytest.raises(UserError, match="dpo cannot be tried: no row has a chosen and a rejected answer"):
        arms(loaded.plan, rows.load(loaded), ("dpo",))
    with pytest.raises(UserError, match="there is no method 'gpro'"):
        arms(loaded.plan, rows.load(loaded), ("gpro",))


def test_too_few_validation_rows_are_refused(planned: Planner) -> None:
    loaded = planned()
    few = (loaded.folder / "validation.jsonl").read_text().splitlines(keepends=True)[:20]
    (loaded.folder / "validation.jsonl").write_text("".join(few))
    with pytest.raises(UserError, match="20 validation rows cannot tell one method from another"):
        rows.load(load_plan(loaded.path))


def test_the_pilots_rows_are_the_plans_training_and_validation_rows_and_never_test_rows(planned: Planner) -> None:
    loaded = planned()
    split = rows.load(loaded)
    spec = rows.write(split, loaded.plan.data, loaded.folder / "pilot")
    again = rows.load_checked(spec, loaded.folder)
    proving = {prompt_hash(row) for row in split.test.rows}
    assert {row.prompt for row in again.test.rows} == {row.prompt for row in split.validation.rows}
    assert {row.prompt for row in again.train.rows} == {row.prompt for row in split.train.rows}
    assert not proving & {prompt_hash(row) for row in (*again.train.rows, *again.test.rows)}


def test_a_smaller_part_of_the_labels_lies_within_the_larger(planned: Planner, tmp_path: Path) -> None:
    split = rows.load(planned())
    half = rows.part_of_labels(split, 0.5, tmp_path / "half.jsonl")
    quarter = rows.part_of_labels(split, 0.25, tmp_path / "quarter.jsonl")
    lines = [set((tmp_path / f"{name}.jsonl").read_text().splitlines()) for name in ("half", "quarter")]
    assert (half, quarter) == (15, 8)
    assert lines[1] < lines[0]


ARMS = tuple(Arm(name, name, warm=False) for name in ("sft", "rejection_sampling", "grpo", "ppo"))


def test_the_better_half_goes_on_and_of_equals_the_simpler() -> None:
    scored = [(Entry(arm, 1), score) for arm, score in zip(ARMS, (0.5, 0.7, 0.5, 0.7), strict=True)]
    assert [(entry.stage, entry.before) for entry in survivors(scored)] == [
        ("rejection_sampling_2", "rejection_sampling"),
        ("ppo_2", "ppo"),
    ]
    scored = [(Entry(arm, 1), 0.5) for arm in ARMS[:3]]
    assert [entry.arm.name for entry in survivors(scored)] == ["sft", "rejection_sampling"]


def test_the_minutes_of_all_rounds_come_to_the_total() -> None:
    assert minutes_each(6.0, ARMS) == 1.0  # four arms, then two, then one is left
    warm = tuple(Arm(arm.name, arm.method, warm=True) for arm in ARMS[1:])
    assert minutes_each(6.0, warm) == 1.0  # the warm-up, three arms, then two


def test_each_entry_trains_for_the_same_time_and_is_no_later_stages_input(planned: Planner) -> None:
    plan = plan_of(planned().plan, [Entry(ARMS[0], 1), Entry(ARMS[2], 1)], 0.5, {"name": "pilot"})
    trained = [stage for stage in plan.stages if stage.type != "evaluate"]
    assert [(stage.name, stage.max_minutes, stage.control) for stage in trained] == [
        ("sft", 0.5, True),
        ("grpo", 0.5, True),
    ]
