"""Rejection sampling on the starter: rounds, what is kept, and being killed at any point."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from graders.errors import UserError
from pipelines import round_answers, sampling
from pipelines.data.checked import load_checked
from pipelines.job import Job, Numbers, Progress, Stopped
from pipelines.keep_best import KeepBest
from pipelines.plan_file import load_plan
from pipelines.rejection_sampling import run
from pipelines.round_answers import Request, answered
from pipelines.rounds import best_round
from pipelines.runner import Options, run_plan
from pipelines.sizing import Room
from pipelines.sources import STARTER
from pipelines.starter.tasks import generate
from tests.graders.scripted_server import Say, chat, serve
from tests.pipelines.test_runner import Notes, start

Planner = Callable[..., Path]
STAGE = {
    "type": "rejection_sampling",
    "name": "rs",
    "samples_per_prompt": 4,
    "epochs": 1,
    "batch_size": 16,
    "learning_rate": 3e-4,
}


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    """Writes a plan over 40 word problems of the starter's, half of them with answers alone, and one stage."""

    def write(worked: bool = True, **keys: Any) -> Path:
        rows = generate("arithmetic", 40, seed=3)
        for row in rows[:: 2 if worked else 1]:
            del row["completion"]
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        stage = STAGE | {key: keys.pop(key) for key in list(keys) if key in ("rounds", "start", "keep", "hint")}
        plan = {
            "version": 1,
            "name": "p",
            "data": {"train": "rows.jsonl", "split": {"test": 0.2, "validation": 0.0}},
            "graders": {"answer": {"type": "numeric"}},
            "metric": "answer",
            "stages": [stage | keys.pop("stage", {})],
            **keys,
        }
        (tmp_path / "plan.yaml").write_text(json.dumps(plan))
        return tmp_path / "plan.yaml"

    return write


def job_of(path: Path, folder: Path) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    plan = load_plan(path).plan
    return Job(plan, "rs", path.parent, folder, str(STARTER), None, Progress(folder / "events.jsonl"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def weights_hash(folder: Path) -> str:
    return hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()


def test_a_round_trains_on_what_it_kept_and_says_why(planned: Planner, tmp_path: Path) -> None:
    numbers = run(job_of(planned(), tmp_path / "out"))
    kept, prompts = lines(tmp_path / "out" / "kept.jsonl"), lines(tmp_path / "out" / "prompts.jsonl")
    assert numbers["kept"] == len(kept) > 5
    assert numbers["examples"] == numbers["kept"] + numbers["own"]
    assert numbers["own"] > 10
    assert sum(prompt["kept"] for prompt in prompts) == len(kept)
    answers = sum(prompt["kept"] + sum(prompt["dropped"].values()) for prompt in prompts)
    assert answers == 4 * numbers["prompts"], "every answer is kept or dropped for a reason"
    references = {row["prompt"]: row["reference"] for row in generate("arithmetic", 40, seed=3)}
    assert all(item["completion"].endswith(f"#### {references[item['prompt']]}") for item in kept)
    assert numbers["pairs"] == len(lines(tmp_path / "out" / "pairs.jsonl")) > 0
    before, after = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()
        for folder in (STARTER, tmp_path / "out" / "model")
    )
    assert any(not torch.equal(tensor, after[name]) for name, tensor in before.items())
    shown = (tmp_path / "out" / "rounds" / "1" / "rows.txt").read_text()
    assert "right answer is" not in shown


def test_demonstrations_may_be_left_out_and_are_compared_with(planned: Planner, tmp_path: Path) -> None:
    numbers = run(job_of(planned(stage={"demonstrations": "left_out"}), tmp_path / "out"))
    kept = lines(tmp_path / "out" / "kept.jsonl")
    assert numbers["own"] == 0
    assert numbers["examples"] == numbers["kept"] == len(kept) > 5
    beside = run(job_of(planned(), tmp_path / "with"))
    assert beside["own"] > 10
    assert beside["dropped"]["repeated"] > numbers["dropped"]["repeated"], "a path like the row's own is no repetition"


def test_demonstrations_may_stand_for_unsolved_prompts_alone(planned: Planner, tmp_path: Path) -> None:
    numbers = run(job_of(planned(stage={"demonstrations": "unsolved"}), tmp_path / "out"))
    kept, prompts = (lines(tmp_path / "out" / name) for name in ("kept.jsonl", "prompts.jsonl"))
    worked = {row.number for row in load_checked(load_plan(planned()).plan.data, tmp_path).train.rows if row.completion}
    unsolved = {prompt["row"] for prompt in prompts if not prompt["kept"]} & worked
    assert 0 < numbers["own"] == len(unsolved) < len(worked)
    assert numbers["examples"] == numbers["own"] + len(kept)
    assert worked & {item["row"] for item in kept}, "in its own words in place of the row's"


def test_later_rounds_ask_the_trained_model_and_leave_one_model(planned: Planner, tmp_path: Path) -> None:
    numbers = run(job_of(planned(rounds=2, start="last"), tmp_path / "out"))
    assert [one["round"] for one in numbers["rounds"]] == [1, 2]
    assert numbers["best_round"] == 2, "without validation rows the last one is taken"
    first, second = (tmp_path / "out" / "rounds" / str(n) / "answers" / "plain-0000.jsonl" for n in (1, 2))
    asked = {item["index"] for item in lines(second)}
    always = {item["row"] for item in lines(tmp_path / "out" / "rounds" / "1" / "prompts.jsonl") if item["right"] == 4}
    assert always
    assert asked == {item["index"] for item in lines(first)} - always
    assert [path.parent.name for path in (tmp_path / "out").rglob("model.safetensors")] == ["model"]
    assert {item["round"] for item in lines(tmp_path / "out" / "kept.jsonl")} == {1, 2}
    assert numbers["train_seconds"] > sum(one["sampling_seconds"] for one in numbers["rounds"]) > 0


def test_prompts_beyond_its_time_are_not_asked_and_the_first_ones_always_are(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_answers, "_PART", 40)  # answers of ten prompts
    job = job_of(planned(), tmp_path / "out")
    rows = load_checked(job.plan.data, job.base).train.rows
    request = Request(tmp_path / "out" / "answers", str(STARTER), rows, seed=0, hint=False, seconds=0.0)
    found = answered(job, job.plan.graders["answer"], request, rows)
    numbers = [len(some) for some in found.values()]
    assert set(numbers) == {0, 4}
    assert 1 <= numbers.count(4) <= 10 < len(rows)
    assert found == answered(job, job.plan.graders["answer"], request, rows), "the files say what was not asked"


def test_two_rounds_without_a_rise_end_it_stopped_between_them_or_not(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Round 2 is worse, so there is a round 3, also after a stop; the best one's model is left."""
    scores, hashes = {"1": 0.6, "2": 0.5, "3": 0.5}, {}

    def outcome(keep: KeepBest, taken: int) -> Numbers:
        folder = keep.weights.parent.parent
        hashes[folder.name] = weights_hash(folder)
        if stopping.pop(folder.name, None):
            raise Stopped
        return {"validation_score": scores[folder.name]}

    monkeypatch.setattr(KeepBest, "outcome", outcome)
    job = job_of(planned(rounds=4), tmp_path / "out")
    stopping = {"3": True}
    with pytest.raises(Stopped):
        run(job)
    numbers = run(job)
    assert [one["validation_score"] for one in numbers["rounds"]] == [0.6, 0.5, 0.5]
    assert numbers["best_round"] == 1
    assert weights_hash(tmp_path / "out") == hashes["1"]
    assert len(set(hashes.values())) == 3


def scored(by_round: Mapping[str, float | None]) -> Callable[[KeepBest, int], Numbers]:
    return lambda keep, taken: {"validation_score": by_round[keep.weights.parent.parent.name]}


def test_a_round_may_rise_after_one_that_did_not(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = {"1": 0.6, "2": 0.5, "3": 0.7}
    monkeypatch.setattr(KeepBest, "outcome", scored(scores))
    numbers = run(job_of(planned(rounds=3), tmp_path / "out"))
    assert (len(numbers["rounds"]), numbers["best_round"]) == (3, 3)


def test_of_equal_rounds_the_newest_counts_unless_its_training_was_given_up(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeepBest, "outcome", scored({"1": 0.6, "2": 0.6, "3": 0.5, "4": 0.5}))
    numbers = run(job_of(planned(rounds=4), tmp_path / "out"))
    assert (len(numbers["rounds"]), numbers["best_round"]) == (4, 2)
    rounds = [
        {"round": number, "trained": True, "validation_score": 0.6, "training": {"taken_from_step": taken}}
        for number, taken in enumerate((0, 7, 9, 0), start=1)
    ]
    assert [best_round(rounds[:last])["round"] for last in (1, 2, 3, 4)] == [1, 2, 3, 3]
    assert best_round([rounds[0], rounds[3]])["round"] == 1


def test_a_round_that_nobody_could_judge_is_not_the_best_one(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = {"1": None, "2": 0.5, "3": 0.4}
    monkeypatch.setattr(KeepBest, "outcome", scored(scores))
    numbers = run(job_of(planned(rounds=3), tmp_path / "out"))
    assert ([one["validation_score"] for one in numbers["rounds"]], numbers["best_round"]) == ([None, 0.5, 0.4], 2)


def test_a_round_is_scored_on_validation_rows(planned: Planner, tmp_path: Path) -> None:
    held = generate("arithmetic", 12, seed=4)
    (tmp_path / "held.jsonl").write_text("".join(json.dumps(row) + "\n" for row in held))
    data = {"train": "rows.jsonl", "validation": "held.jsonl"}
    (one,) = run(job_of(planned(rounds=1, data=data), tmp_path / "out"))["rounds"]
    measured = json.loads((tmp_path / "out" / "rounds" / "1" / "validation.json").read_text())
    means = [sum(scores) / len(scores) for scores in measured.values()]
    assert one["validation_score"] == max(means)
    assert {len(scores) for scores in measured.values()} == {12}


def test_the_first_round_may_ask_a_server_which_may_die_midway(planned: Planner, tmp_path: Path) -> None:
    """What it wrote right is trained on; the second round samples from what was trained here."""
    right = {row["prompt"]: row["reference"] for row in generate("arithmetic", 40, seed=3)}
    dead = True

    def teacher(body: dict[str, Any]) -> Say:
        answer = int(right[body["messages"][-1]["content"]])
        if dead and answer % 5 == 0:
            return Say("{}", status=503)
        wrong = body["seed"] % 3 == 0
        return chat(f"I know that it is so.\n#### {answer + wrong}")

    with serve(teacher) as server:
        served = {"model": "large", "base_url": server.url, "timeout_seconds": 0.5}
        job = job_of(planned(worked=False, rounds=2, stage={"served": served, "max_new_tokens": 48}), tmp_path / "out")
        with pytest.raises(UserError, match="are kept"):
            run(job)
        dead, answered = False, len(lines(next((tmp_path / "out").rglob("asked-plain-0000.jsonl")))) - 1
        asked = len(server.bodies)
        numbers = run(job)
        new = {json.dumps(body, sort_keys=True) for body in server.bodies[asked:]}  # a slow machine asks some again
        assert len(new) == 4 * numbers["prompts"] - answered, "and the second round asked none"
    assert answered > 0
    first, second = (tmp_path / "out" / "rounds" / n / "answers" for n in ("1", "2"))
    assert not list(first.glob("asked-*"))
    graded = lines(first / "plain-0000.jsonl")
    assert {item["completion"].split("\n")[0] for item in graded} == {"I know that it is so."}
    assert 0.5 < sum(item["passed"] for item in graded) / len(graded) < 0.85
    kept = [item for item in lines(tmp_path / "out" / "kept.jsonl") if item["round"] == 1]
    assert {item["completion"].split("\n")[0] for item in kept} == {"I know that it is so."}
    assert second.is_dir()


def test_never_solved_prompts_are_asked_again_with_a_hint_that_is_not_trained_on(
    planned: Planner, tmp_path: Path
) -> None:
    run(job_of(planned(worked=False, hint=True), tmp_path / "out"))
    answers = tmp_path / "out" / "rounds" / "1" / "answers"
    solved = {item["index"] for item in lines(answers / "plain-0000.jsonl") if item["passed"]}
    hinted = {item["index"] for item in lines(answers / "hinted-0000.jsonl")}
    assert hinted
    assert not hinted & solved
    assert all("right answer is" not in item["prompt"] for item in lines(answers / "hinted-0000.jsonl"))
    assert all("right answer is" not in item["prompt"] for item in lines(tmp_path / "out" / "kept.jsonl"))


def test_nothing_kept_and_nothing_shown_is_one_message(planned: Planner, tmp_path: Path) -> None:
    plan = planned(worked=False, stage={"max_new_tokens": 2})
    with pytest.raises(UserError, match=r"no sampled answer can be kept[\s\S]*cut off[\s\S]*raise max_new_tokens"):
        run(job_of(plan, tmp_path / "out"))
    assert "answers passes" in (tmp_path / "out" / "events.jsonl").read_text(), "told before all were sampled"


def test_demonstrations_alone_are_sft_and_called_so(planned: Planner, tmp_path: Path) -> None:
    numbers = run(job_of(planned(stage={"max_new_tokens": 2}, rounds=3), tmp_path / "out"))
    assert numbers["kept"] == 0
    assert numbers["examples"] == numbers["own"]
    assert "this was SFT on the" in numbers["note"]
    assert [one["trained"] for one in numbers["rounds"]] == [True, False], "a round that adds nothing ends it"
    assert (tmp_path / "out" / "model").is_dir()


def test_more_samples_than_fit_at_once_are_taken_in_batches(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    decode_batch = sampling._decode

    def noted(policy: Any, encoded: list[list[int]], batch: list[Any], *rest: Any) -> Any:
        sizes.append(len(batch))
        return decode_batch(policy, encoded, batch, *rest)

    monkeypatch.setattr(sampling, "_decode", noted)
    monkeypatch.setattr(sampling, "room", lambda: Room(1 << 30, tokens=512))
    data = {"train": "rows.jsonl", "limit": 12, "split": {"test": 0.3, "validation": 0.0}}
    plan = planned(stage={"samples_per_prompt": 9, "max_new_tokens": 48, "batch_size": 4}, data=data)
    numbers = run(job_of(plan, tmp_path / "out"))
    assert max(sizes) < 9
    assert sum(sizes) == 9 * numbers["prompts"]


def test_a_prompt_without_room_for_an_answer_is_left_out_and_counted(planned: Planner, tmp_path: Path) -> None:
    plan = planned()
    rows = lines(tmp_path / "rows.jsonl")
    rows += [{"prompt": f"{n} " + "long " * 2000, "reference": "1"} for n in range(5)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    numbers = run(job_of(plan, tmp_path / "out"))
    assert 1 <= numbers["unanswered"] <= 5


def test_a_signal_while_sampling_keeps_the_finished_parts(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_answers, "_PART", 40)
    expected = run(job_of(planned(rounds=2), tmp_path / "whole"))
    job = job_of(planned(rounds=2), tmp_path / "out")
    graded = round_answers.grade_completions

    def stop_in_the_third(*given: Any) -> Any:
        if (tmp_path / "out" / "rounds" / "1" / "answers" / "plain-0001.jsonl").exists():
            job.progress.stop_requested = True
            job.progress.check()
        return graded(*given)

    with monkeypatch.context() as patched:
        patched.setattr(round_answers, "grade_completions", stop_in_the_third)
        with pytest.raises(Stopped):
            run(job)
    answers = tmp_path / "out" / "rounds" / "1" / "answers"
    assert sorted(path.name for path in answers.glob("plain-*")) == ["plain-0000.jsonl", "plain-0001.jsonl"]
    before = (answers / "plain-0000.jsonl").stat().st_mtime_ns
    numbers = run(job_of(planned(rounds=2), tmp_path / "out"))
    assert (answers / "plain-0000.jsonl").stat().st_mtime_ns == before
    assert weights_hash(tmp_path / "out") == weights_hash(tmp_path / "whole")
    assert numbers["kept"] == expected["kept"]


def kill_after(plan: Path, unit: str, count: int) -> None:
    """Starts the run and kills it when the stage has told its progress in this unit so many times."""
    process = start(plan)
    deadline = time.monotonic() + 300
    seen = 0
    while seen < count and time.monotonic() < deadline:
        for path in (plan.parent / "run" / "stages").glob("rs-????????/events.jsonl"):
            seen = sum(json.loads(line).get("unit") == unit for line in path.read_text().split("\n")[:-1])
        time.sleep(0.01)
    assert process.poll() is None, "it must not be done yet"
    process.kill()
    process.wait()
    assert seen >= count


def stage_hash(folder: Path) -> str:
    (path,) = (folder / "stages").glob("rs-????????")
    return weights_hash(path)


@pytest.mark.soak
@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize(("unit", "count"), [("answers", 1), ("steps", 2), ("answers", 2), ("steps", 7)])
def test_killed_in_any_round_it_goes_on_to_the_same_weights(
    planned: Planner, tmp_path: Path, tuning: str, unit: str, count: int
) -> None:
    """Killed while it samples and while it trains, in the first round and in the second."""
    model = {"name": "starter", "tuning": tuning}
    plan = planned(rounds=2, start="last", stage={"epochs": 3}, checkpoint_minutes=0, model=model)
    assert run_plan(load_plan(plan), tmp_path / "whole", Options(), Notes()) == 0
    kill_after(plan, unit, count)
    assert run_plan(load_plan(plan), tmp_path / "run", Options(), Notes()) == 0
    assert stage_hash(tmp_path / "run") == stage_hash(tmp_path / "whole")


@pytest.mark.soak
def test_two_processes_share_the_prompts_and_keep_what_one_keeps(planned: Planner, tmp_path: Path) -> None:
    kept = []
    for processes, rounds in ((1, 1), (2, 2)):
        plan = planned(rounds=rounds, stage={"samples_per_prompt": 32}, processes=processes)
        assert run_plan(load_plan(plan), tmp_path / f"run-{processes}", Options(), Notes()) == 0
        (folder,) = (tmp_path / f"run-{processes}" / "stages").glob("rs-????????")
        assert len(list((folder / "rounds" / "1" / "answers").glob("seconds-*.json"))) == processes
        kept.append((folder / "rounds" / "1" / "kept.jsonl").read_bytes())
        numbers = json.loads((folder / "done.json").read_text())["numbers"]
        assert (numbers["processes"], len(numbers["rounds"])) == (processes, rounds)
    assert kept[0] == kept[1]
