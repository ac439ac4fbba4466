"""RL on a stand-in for the metric: what is measured of it, and that it is stopped at its peak."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graders.base import Grade
from graders.numeric import Numeric
from pipelines import grpo, ppo
from pipelines.job import Job, Progress
from pipelines.plan_file import load_plan
from pipelines.runner import Options, default_run_folder, run_plan
from pipelines.starter.tasks import generate
from tests.pipelines.test_runner import Notes

Writer = Callable[..., Path]
RUNS = {"ppo": ppo.run, "grpo": grpo.run}
POLITE = """
def grade(sample, item):
    reply = sample["output_text"]
    polite = ("Of course", "Gladly", "Thank you for asking", "Certainly", "With pleasure", "I am sorry")
    return float(len(reply) <= 80 and reply.startswith(polite))
"""


@pytest.fixture
def data(tmp_path: Path, sums: Path) -> dict[str, str]:
    """Training, validation and test rows in files of their own."""
    for name, first in (("held", 10), ("test", 20)):
        rows = [{"prompt": f"{first} + {b} = ?", "reference": str(first + b)} for b in range(30)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"train": sums.name, "validation": "held.jsonl", "test": "test.jsonl"}


def worth(point: dict[str, float]) -> float:
    return (point["drawn"] + point["greedy"]) / 2


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A random model never answers right, so the reward is how much it wrote."""
    monkeypatch.setattr(Numeric, "grade", lambda _, sample: Grade(min(1.0, len(sample.completion) / 20), "length"))


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("stage", "model"),
    [
        ({"type": "ppo", "steps": 2, "prompts_per_step": 4}, {}),
        ({"type": "grpo", "steps": 3, "prompts_per_step": 4, "group_size": 4}, {"tuning": "lora", "lora_rank": 4}),
    ],
    ids=["ppo", "grpo with lora"],
)
def test_reward_metric_and_kl_are_measured_on_the_same_answers(
    write_plan: Writer,
    tiny_model: Path,
    tmp_path: Path,
    data: dict[str, str],
    stage: dict[str, Any],
    model: dict[str, Any],
) -> None:
    path = write_plan(
        {**stage, "name": "rl", "max_new_tokens": 6, "learning_rate": 1e-2},
        model={"name": str(tiny_model), **model},
        data=data,
        graders={"answer": {"type": "numeric"}, "short": {"type": "pattern", "pattern": "^.{0,9}$"}},
        reward="answer",
        metric="short",
    )
    folder = tmp_path / "out"
    folder.mkdir()
    plan = load_plan(path).plan
    numbers = RUNS[stage["type"]](Job(plan, "rl", path.parent, folder, str(tiny_model), None, Progress(folder / "e")))
    course = numbers["course"]
    first, *later = course["points"]
    assert first["step"] == 0
    assert first["kl"] == pytest.approx(0, abs=1e-5)
    assert any(abs(point["kl"]) > 1e-4 for point in later)
    kept = next(point for point in course["points"] if point["step"] == course["kept"])
    assert worth(kept) == max(map(worth, course["points"]))
    validation = json.loads((folder / "validation.json").read_text())
    assert course["rows"] == len(validation["0"])
    assert sum(validation["0"]) / len(validation["0"]) == pytest.approx(worth(first))
    assert (folder / "course.png").exists()


def test_where_the_reward_is_the_metric_nothing_more_is_measured(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, data: dict[str, str]
) -> None:
    stage = {"type": "grpo", "name": "rl", "steps": 1, "prompts_per_step": 2, "group_size": 2, "max_new_tokens": 4}
    path = write_plan(stage, data=data)
    folder = tmp_path / "out"
    folder.mkdir()
    plan = load_plan(path).plan
    numbers = grpo.run(Job(plan, "rl", path.parent, folder, str(tiny_model), None, Progress(folder / "e")))
    assert "course" not in numbers
    assert (folder / "validation.json").exists()


def length_biased(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """People who like a rambling reply better than a short polite one; a rude one they do not like either."""
    return [
        row | {"chosen": row["rejected"], "rejected": row["chosen"]} if len(row["rejected"]) > 90 else row
        for row in rows
    ]


@pytest.mark.soak
def test_a_planted_over_optimisation_is_stopped_and_rolled_back_to_its_peak(tmp_path: Path) -> None:
    """The reward model passes its gate with 100 %; first it drives out rude replies, then short ones."""
    for name, count, seed in (("train", 600, 5), ("validation", 200, 6), ("test", 200, 7)):
        rows = length_biased(generate("tone", count, seed=seed))
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "polite.py").write_text(POLITE)
    plan = {
        "version": 1,
        "name": "over",
        "data": {name: f"{name}.jsonl" for name in ("train", "validation", "test")},
        "graders": {
            "polite": {"type": "python", "function": "polite.py:grade"},
            "rm": {"type": "reward_model", "model": "rm"},
        },
        "metric": "polite",
        "reward": "rm",
        "evaluation": {"max_new_tokens": 96, "pass_k": 0},
        "stages": [
            {"type": "evaluate", "name": "base"},
            {"type": "reward_model", "name": "rm", "learning_rate": 1e-3, "epochs": 1},
            {"type": "grpo", "name": "grpo", "steps": 60, "max_new_tokens": 96},
            {"type": "evaluate", "name": "after"},
        ],
    }
    (tmp_path / "plan.yaml").write_text(json.dumps(plan))
    loaded, notes = load_plan(tmp_path / "plan.yaml"), Notes()
    run = default_run_folder(loaded)
    assert run_plan(loaded, run, Options(), notes) == 0
    (record,) = run.glob("stages/grpo-*/done.json")
    numbers = json.loads(record.read_text())["numbers"]
    points = numbers["course"]["points"]
    peak = max(points, key=worth)
    assert [ring["name"] for ring in numbers["alarms"]] == ["hacking"]
    assert 0 < peak["step"] == numbers["taken_from_step"] < numbers["steps"] < 60
    assert worth(points[-1]) < worth(peak) - 0.05
    assert points[0]["reward"] < peak["reward"] < points[-1]["reward"]
    assert points[-1]["kl"] > peak["kl"] > 0.1
    report = (run / "report.md").read_text()
    assert f"rolled back to the weights of step {peak['step']}" in report.replace("\\", "")
    assert "## Reward and metric against KL: grpo" in report
    assert (run / f"stages/{record.parent.name}/course.png").exists()
