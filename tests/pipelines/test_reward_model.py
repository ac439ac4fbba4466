"""Reward models on the starter's tone task: they learn, survive the disk, and a bad one trains nobody."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from graders.base import Sample
from graders.errors import UserError
from graders.reward_model import Scorer
from graders.union import parse_grader
from pipelines.job import Job, Progress
from pipelines.plan_file import load_plan
from pipelines.reward_model import run
from pipelines.reward_model_checks import scorer_of
from pipelines.runner import GATE_CLOSED, Options, default_run_folder, run_plan
from pipelines.sources import STARTER
from pipelines.starter.tasks import generate
from reward_models.examples import Pair, encode_pairs
from reward_models.model import load_body
from tests.pipelines.test_runner import Notes

Planner = Callable[..., Path]
RULE = 'def grade(sample, item):\n    return float("Of course" in sample["output_text"])\n'


def flipped(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """People who toss a coin."""
    toss = random.Random(0)
    return [
        row | {"chosen": row["rejected"], "rejected": row["chosen"]} if toss.random() < 0.5 else row for row in rows
    ]


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    """Writes a plan over pairs of the tone task: training, validation and test files, and the given stages."""

    def write(
        change: Callable[[list[dict[str, str]]], list[dict[str, str]]] = list, *stages: dict[str, Any], **keys: Any
    ) -> Path:
        rows = change(generate("tone", 330, seed=5))
        for name, part in (("train", rows[:240]), ("validation", rows[240:300]), ("test", rows[300:])):
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
        (tmp_path / "rule.py").write_text(RULE)
        plan = {
            "version": 1,
            "name": "p",
            "data": {"train": "train.jsonl", "validation": "validation.jsonl", "test": "test.jsonl"},
            "graders": {
                "rule": {"type": "python", "function": "rule.py:grade"},
                "rm": {"type": "reward_model", "model": "rm"},
            },
            "metric": "rule",
            "evaluation": {"pass_k": 0, "max_new_tokens": 32},
            "stages": stages or [{"type": "reward_model", "name": "rm", "epochs": 1, "learning_rate": 1e-3}],
            **keys,
        }
        (tmp_path / "plan.yaml").write_text(json.dumps(plan))
        return tmp_path / "plan.yaml"

    return write


def job_of(path: Path, folder: Path) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    return Job(load_plan(path).plan, "rm", path.parent, folder, str(STARTER), None, Progress(folder / "events.jsonl"))


def test_it_learns_who_is_polite_and_says_what_it_is_worth(planned: Planner, tmp_path: Path) -> None:
    numbers = run(job_of(planned(), tmp_path / "out"))
    assert numbers["held_out_pairs"] == 60
    assert numbers["accuracy"] > 0.9
    assert numbers["beats_baselines"]
    assert numbers["chosen_mean"] > 0.5 > -0.5 > numbers["rejected_mean"]
    curve = json.loads((tmp_path / "out" / "curve.json").read_text())
    losses = [entry["loss"] for entry in curve if "loss" in entry]
    assert losses[0] > 0.5 > 2 * losses[-1]
    assert json.loads((tmp_path / "out" / "checks.json").read_text())["quick_accuracy"] > 0.8
    assert (tmp_path / "out" / "reliability.png").exists()


def test_its_numbers_are_centred_over_the_pairs_it_learned_from(planned: Planner, tmp_path: Path) -> None:
    path = planned(list, {"type": "reward_model", "name": "rm", "method": "quick"})
    run(job_of(path, tmp_path / "out"))
    scorer = scorer_of(tmp_path / "out" / "model", load_plan(path).plan.model)
    rows = [json.loads(line) for line in (path.parent / "train.jsonl").read_text().splitlines()]
    sides = [(row["prompt"], row[side]) for row in rows for side in ("chosen", "rejected")]
    numbers = scorer.numbers([(({"role": "user", "content": prompt},), answer) for prompt, answer in sides])
    assert scorer.centre != 0
    assert sum(number for number in numbers if number is not None) / len(numbers) == pytest.approx(0, abs=1e-3)


@pytest.mark.soak
def test_of_an_ensemble_the_lowest_number_counts(planned: Planner, tmp_path: Path) -> None:
    stage = {"type": "reward_model", "name": "rm", "ensemble": 2, "epochs": 0.5, "learning_rate": 1e-3}
    path = planned(list, stage)
    numbers = run(job_of(path, tmp_path / "out"))
    assert numbers["accuracy"] > 0.7
    folder = tmp_path / "out" / "model"
    members = [scorer_of(where, load_plan(path).plan.model) for where in (folder, folder / "member-1")]
    row = generate("tone", 1, seed=6)[0]
    asked = [(({"role": "user", "content": row["prompt"]},), row[side]) for side in ("chosen", "rejected")]
    each = [member.numbers(asked) for member in members]
    assert each[0] != pytest.approx(each[1], abs=1e-3)
    grader = parse_grader({"type": "reward_model", "model": str(folder)})
    grades = grader.grade_all([Sample(row["prompt"], row[side]) for side in ("chosen", "rejected")])
    assert [grade.raw for grade in grades] == pytest.approx(list(map(min, *each)), abs=1e-5)


def test_with_lora_head_and_adapter_survive_merging_and_reloading(planned: Planner, tmp_path: Path) -> None:
    path = planned(model={"name": "starter", "tuning": "lora", "lora_rank": 8})
    job = job_of(path, tmp_path / "out")
    numbers = run(job)
    assert numbers["accuracy"] > 0.8
    merged = scorer_of(tmp_path / "out" / "model", job.plan.model)
    body = load_body(str(STARTER), torch.float32, {}, merged.tokenizer.pad_token_id)
    adapted = PeftModel.from_pretrained(body, tmp_path / "out" / "adapter").eval()
    row = generate("tone", 1, seed=6)[0]
    asked = [(({"role": "user", "content": row["prompt"]},), row[side]) for side in ("chosen", "rejected")]
    expected = Scorer(adapted, merged.tokenizer, merged.centre).numbers(asked)
    assert merged.numbers(asked) == pytest.approx(expected, abs=1e-4)
    assert expected[0] != pytest.approx(expected[1], abs=0.1)


def test_the_quick_one_learns_the_head_alone(planned: Planner, tmp_path: Path) -> None:
    path = planned(list, {"type": "reward_model", "name": "rm", "method": "quick"})
    numbers = run(job_of(path, tmp_path / "out"))
    assert numbers["accuracy"] > 0.8
    scorer = scorer_of(tmp_path / "out" / "model", load_plan(path).plan.model)
    starter = load_body(str(STARTER), torch.float32, {}, scorer.tokenizer.pad_token_id)
    for (name, ours), (_, theirs) in zip(
        scorer.model.base_model.named_parameters(), starter.base_model.named_parameters(), strict=True
    ):
        assert torch.equal(ours, theirs), name


@pytest.mark.parametrize(
    ("change", "said"),
    [(flipped, "not surely any better"), pytest.param(list, None, marks=pytest.mark.soak)],
    ids=["a coin's toss", "honest"],
)
def test_the_gate_stops_what_learned_nothing(planned: Planner, tmp_path: Path, change: Any, said: str | None) -> None:
    stages = [
        {"type": "reward_model", "name": "rm", "epochs": 1, "learning_rate": 1e-3},
        {"type": "evaluate", "name": "best_of_2", "best_of": 2, "reward": "rm"},
    ]
    path, notes = planned(change, *stages), Notes()
    loaded = load_plan(path)
    code = run_plan(loaded, default_run_folder(loaded), Options(), notes)
    assert (code == GATE_CLOSED) == (said is not None)
    evaluated = list(default_run_folder(loaded).glob("stages/best_of_2-*/done.json"))
    assert bool(evaluated) == (said is None)
    if said:
        assert any(said in line for line in notes.lines)


@pytest.mark.soak
def test_too_few_held_out_pairs_are_a_closed_gate(planned: Planner, tmp_path: Path) -> None:
    path = planned(data={"train": "test.jsonl", "split": {"test": 0.3}})
    loaded = load_plan(path)
    notes = Notes()
    assert run_plan(loaded, default_run_folder(loaded), Options(), notes) == GATE_CLOSED
    assert any("too few to know" in line for line in notes.lines)


def test_a_metric_may_not_be_the_reward_model_that_trains(planned: Planner) -> None:
    stages = [{"type": "reward_model", "name": "rm"}, {"type": "ppo", "name": "ppo", "steps": 2}]
    with pytest.raises(UserError, match="what it is fooled by"):
        load_plan(planned(list, *stages, metric="rm"))
    load_plan(planned(list, *stages, reward="rm"))


def test_a_reward_model_must_come_before_what_it_judges(planned: Planner) -> None:
    stages = [{"type": "ppo", "name": "ppo", "reward": "rm"}, {"type": "reward_model", "name": "rm"}]
    with pytest.raises(UserError, match="`rm` is no earlier stage that leaves a reward model"):
        load_plan(planned(list, *stages))


def test_a_tie_stands_in_both_orders_and_a_margin_with_all_pairs() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(STARTER)
    turns = ({"role": "user", "content": "May I?"},)
    pairs = [Pair(turns, "Yes.", "No.", 1, margin=2.0), Pair(turns, "Yes.", "Gladly.", 2, tie=True)]
    encoded = encode_pairs(pairs, tokenizer, 200)
    assert [one["margin"] for one in encoded.examples] == [2.0, 0.0, 0.0]
    assert encoded.examples[1]["chosen_ids"] == encoded.examples[2]["rejected_ids"]
    assert encode_pairs(pairs, tokenizer, 5).too_long == (1, 2)


@pytest.mark.soak
def test_ppo_on_a_reward_model_raises_what_the_rule_sees(planned: Planner) -> None:
    stages = [
        {"type": "evaluate", "name": "base"},
        {"type": "reward_model", "name": "rm", "epochs": 2, "learning_rate": 1e-3},
        {"type": "ppo", "name": "ppo", "reward": "rm", "steps": 6, "max_new_tokens": 32},
    ]
    path, notes = planned(list, *stages), Notes()
    loaded = load_plan(path)
    assert run_plan(loaded, default_run_folder(loaded), Options(), notes) == 0
    (record,) = default_run_folder(loaded).glob("stages/ppo-*/done.json")
    numbers = json.loads(record.read_text())["numbers"]
    assert numbers["last_reward"] > numbers["first_reward"] + 0.3
