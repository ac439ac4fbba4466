"""GRPO on a two-layer random model: what its losses do, which prompts it draws, how it stops, and how it goes on."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from trl import GRPOConfig, GRPOTrainer

from advisor.cli.progress import Terminal
from graders.base import Grade, Sample
from graders.errors import UserError
from graders.numeric import Numeric
from pipelines import engines, grpo_trainer, rollout, shared_prompts, training
from pipelines.alarms import ALARMS, AlarmName
from pipelines.grpo_losses import LOSSES, Loss
from pipelines.grpo_trainer import teaching
from pipelines.job import Job, Progress, Stopped
from pipelines.lean_batch import Batch
from pipelines.lean_passes import LeanTrainer
from pipelines.plan import GRPO as GRPOStage
from pipelines.plan_file import load_plan
from pipelines.rewards import grade_metrics, overlong
from pipelines.runner import Options, run_plan
from pipelines.sampling import Completion
from pipelines.sizing import Room
from pipelines.stages import STAGES
from tests.pipelines.test_training import job_of, largest_change, run, weights

Writer = Callable[..., Path]
GRPO = {
    "type": "grpo",
    "name": "grpo",
    "steps": 4,
    "prompts_per_step": 4,
    "group_size": 4,
    "max_new_tokens": 6,
    "learning_rate": 1e-2,
}


@pytest.fixture
def by_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """A random model never answers right, so the grade is how many letters it wrote: any signal will do."""
    monkeypatch.setattr(Numeric, "grade", lambda _, sample: Grade(min(1.0, len(sample.completion) / 400), "length"))


def test_the_tables_cover_their_names() -> None:
    assert set(LOSSES) == set(get_args(Loss))
    assert [alarm.name for alarm in ALARMS] == list(get_args(AlarmName))


@pytest.mark.parametrize("loss", get_args(Loss))
def test_trl_takes_each_loss_and_its_settings(loss: Loss, tmp_path: Path) -> None:
    arguments = dict(LOSSES[loss].arguments)
    config = GRPOConfig(str(tmp_path), use_cpu=True, bf16=False, activation_checkpointing=False, **arguments)
    assert {name: getattr(config, name) for name in arguments} == arguments


@pytest.mark.soak
def test_on_policy_the_sequence_ratio_and_the_clipped_weight_change_nothing(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, by_length: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "computes_in_bf16", lambda: False)
    for name in ("grpo", "gspo", "dapo", "cispo", "dr_grpo"):
        plan = write_plan(GRPO | {"loss": name, "updates_per_generation": 1, "max_new_tokens": 40})
        run(plan, tiny_model, tmp_path / name)
    models = {name: tmp_path / name / "model" for name in ("grpo", "gspo", "dapo", "cispo", "dr_grpo")}
    assert largest_change(models["grpo"], models["gspo"]) < 1e-5
    assert largest_change(models["dapo"], models["cispo"]) < 1e-5
    assert largest_change(models["grpo"], models["dapo"]) > 1e-4
    assert largest_change(models["grpo"], models["dr_grpo"]) > 1e-4


@pytest.mark.parametrize(
    "loss",
    ["dapo", "grpo", *(pytest.param(loss, marks=pytest.mark.soak) for loss in ("dr_grpo", "gspo", "cispo"))],
)
def test_answers_of_groups_without_spread_are_left_out_and_nothing_else_changes(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: Loss
) -> None:
    def grade(_: Numeric, sample: Sample) -> Grade:
        flat = int(str(sample.reference)) % 3 > 0
        return Grade(0.5 if flat else min(1.0, len(sample.completion) / 400), "length of some")

    rows: list[tuple[int, int]] = []

    def counted(inputs: dict[str, Any], least: int) -> tuple[dict[str, Any], float]:
        kept, share = teaching(inputs, least)
        rows.append((len(kept["advantages"]), len(inputs["advantages"])))
        return kept, share

    monkeypatch.setattr(training, "computes_in_bf16", lambda: False)
    monkeypatch.setattr(Numeric, "grade", grade)
    monkeypatch.setattr(grpo_trainer, "teaching", counted)
    plan = write_plan(GRPO | {"loss": loss, "prompts_per_step": 6, "steps": 3})
    run(plan, tiny_model, tmp_path / "out")
    kept, all_rows = (sum(values) for values in zip(*rows, strict=True))
    assert 0 < kept < 0.7 * all_rows
    monkeypatch.setattr(grpo_trainer.QueuedGRPOTrainer, "_may_leave_out", lambda *_: False)
    run(plan, tiny_model, tmp_path / "whole")
    models = [tmp_path / name / "model" for name in ("out", "whole")]
    assert largest_change(models[0], models[1]) < 1e-5
    assert largest_change(models[0], tiny_model) > 1e-3


@pytest.mark.parametrize(
    "loss", ["dapo", "grpo", *(pytest.param(loss, marks=pytest.mark.soak) for loss in ("gspo", "cispo"))]
)
def test_prompts_read_once_for_their_group_change_nothing(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, by_length: None, monkeypatch: pytest.MonkeyPatch, loss: Loss
) -> None:
    shared: list[int] = []
    passed = shared_prompts.read_prompts

    def counted(body: Any, batch: Batch) -> Any:
        shared.append(len(batch.owners) - len(set(batch.owners.tolist())))
        return passed(body, batch)

    monkeypatch.setattr(training, "computes_in_bf16", lambda: False)
    monkeypatch.setattr(training, "room", lambda: Room(1 << 34, tokens=300))  # several micro-batches an update
    monkeypatch.setattr(shared_prompts, "read_prompts", counted)
    kl = 0.1 if loss == "grpo" else 0.0
    plan = write_plan(GRPO | {"loss": loss, "kl": kl, "updates_per_generation": 2, "prompts_per_step": 6})
    run(plan, tiny_model, tmp_path / "shared")
    assert len(shared) > 2 * GRPO["steps"], "more passes than updates"
    assert sum(shared) / len(shared) > 2, "answers of a group stand beside each other"
    for name in ("_prepare_inputs", "_get_per_token_logps_and_entropies"):
        monkeypatch.setattr(LeanTrainer, name, getattr(GRPOTrainer, name))
    run(plan, tiny_model, tmp_path / "trl")
    models = [tmp_path / name / "model" for name in ("shared", "trl")]
    assert largest_change(models[0], models[1]) < 1e-5
    assert largest_change(models[0], tiny_model) > 1e-3


def test_of_a_micro_batch_the_answers_with_an_advantage_are_kept() -> None:
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]])
    inputs = {
        "completion_ids": mask * 7,
        "advantages": torch.tensor([0.0, -1.0, 2.0]),
        "num_items_in_batch": torch.tensor(9),
        "num_images": [0, 0, 0],
    }
    kept, share = teaching(inputs)
    assert share == pytest.approx(2 / 3)
    assert kept["completion_ids"].tolist() == [[7, 7, 0, 0], [7, 7, 7, 0]]
    assert kept["advantages"].tolist() == [-1.0, 2.0]
    assert (kept["num_items_in_batch"], kept["num_images"]) == (9, [0, 0, 0])
    nothing, share = teaching(inputs | {"advantages": torch.zeros(3)})
    assert (len(nothing["advantages"]), share) == (1, pytest.approx(1 / 3))
    assert len(teaching(inputs, least=3)[0]["advantages"]) == 3


def test_several_updates_share_one_generation(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, by_length: None
) -> None:
    run(write_plan(GRPO | {"loss": "gspo"}), tiny_model, tmp_path / "out")
    assert (tmp_path / "out" / "samples.jsonl").read_text().count("\n") == 1, "4 steps, one round of sampling"
    curve = [
        log for log in json.loads((tmp_path / "out" / "curve.json").read_text()) if "clip_ratio/region_mean" in log
    ]
    assert curve[0]["clip_ratio/region_mean"] == 0
    assert max(log["clip_ratio/region_mean"] for log in curve) > 0, "later updates are off policy, and are clipped"


def test_updates_that_share_a_generation_still_tell_that_nothing_was_learned_or_moved(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    """TRL logs the reward where it samples: at steps 1 and 4 of these."""
    stage = GRPO | {"updates_per_generation": 3, "steps": 6}
    numbers = run(write_plan(stage), tiny_model, tmp_path / "out")
    assert "nothing to learn from. The model is as it was" in numbers["note"]
    moved = [
        log["weights_moved"] for log in json.loads((tmp_path / "out" / "curve.json").read_text()) if log["step"] == 5
    ]
    assert moved == [0.0]


class StopsAt(Progress):
    """A signal comes during the given step."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(path)
        self._at = at

    def step(self, done: float, total: float, unit: str, **shown: float) -> None:
        super().step(done, total, unit, **shown)
        self.stop_requested |= unit == "steps" and done == self._at


@pytest.mark.parametrize("updates", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_a_stopped_run_goes_on_to_the_same_weights_with_the_same_prompts(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, by_length: None, updates: int
) -> None:
    stage = GRPO | {"steps": 16, "prompts_per_step": 6, "updates_per_generation": updates, "temperature": 0.3}
    plan = write_plan(stage)
    run(plan, tiny_model, tmp_path / "whole")
    job = job_of(plan, tiny_model, tmp_path / "parts")
    broken = Job(job.plan, job.stage, job.base, job.folder, job.policy, None, StopsAt(job.folder / "events.jsonl", 10))
    with pytest.raises(Stopped):
        STAGES["grpo"].function()(broken)
    STAGES["grpo"].function()(job)
    whole, parts = weights(tmp_path / "whole" / "model"), weights(tmp_path / "parts" / "model")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    prompts = [
        [json.loads(line)["prompt"] for line in (tmp_path / name / "samples.jsonl").read_text().splitlines()]
        for name in ("whole", "parts")
    ]
    assert prompts[0] == prompts[1]


def test_trl_still_has_the_private_methods_that_are_overridden() -> None:
    own = {
        name
        for trainer in (LeanTrainer, grpo_trainer.QueuedGRPOTrainer)
        for name in vars(trainer)
        if name.startswith("_") and not name.startswith("__") and callable(getattr(trainer, name))
    }
    additions = {"_behind_prompts", "_may_leave_out", "_most_taught", "_shares"}
    assert not any(hasattr(GRPOTrainer, name) for name in additions)
    assert sorted(own - additions) == [
        "_calculate_rewards",
        "_compute_loss",
        "_generate_single_turn",
        "_get_per_token_logps_and_entropies",
        "_get_train_sampler",
        "_prepare_inputs",
    ]
    for name in own - additions:
        theirs = list(inspect.signature(getattr(GRPOTrainer, name)).parameters)
        ours = [
            parameter.name
            for parameter in inspect.signature(getattr(grpo_trainer.QueuedGRPOTrainer, name)).parameters.values()
            if parameter.kind != parameter.VAR_KEYWORD
        ]
        assert ours == theirs[: len(ours)]


BREVITY = {"type": "penalty", "free": 8, "most": 40, "count": "characters"}
HACKED = {
    "graders": {
        "brevity": BREVITY,
        "wrong_sign": {"type": "multi", "graders": {"brevity": BREVITY}, "calculate_output": "1 - brevity"},
    },
    "reward": "wrong_sign",
    "metric": "brevity",
    "data": {"train": "rows.jsonl", "split": {"test": 0.2, "validation": 0.2}},
}
HACKING = GRPO | {"steps": 40, "prompts_per_step": 4, "group_size": 8, "max_new_tokens": 8, "learning_rate": 3e-2}


@pytest.mark.parametrize("stops", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_a_reward_that_can_be_hacked_is_rolled_back(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, stops: bool
) -> None:
    """The planted bug: a wrong sign in the reward's formula pays for length, which the metric does not want."""
    rows = [{"prompt": f"{a} + {b} = ?", "reference": str(a + b)} for a in range(20) for b in range(15)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stage = HACKING if stops else HACKING | {"stop_on": [], "steps": 20}
    numbers = run(write_plan(stage, **HACKED), tiny_model, tmp_path / "out")
    rung = {alarm["name"]: alarm for alarm in numbers["alarms"]}
    assert "while the metric fell" in rung["hacking"]["text"]
    assert (tmp_path / "out" / "events.jsonl").read_text().count("alarm `hacking` at step") == 1
    measured = json.loads((tmp_path / "out" / "validation.json").read_text())
    mean = {int(step): sum(scores) / len(scores) for step, scores in measured.items()}
    taken = numbers["taken_from_step"]
    assert mean[taken] == max(mean.values()) > mean[numbers["steps"]]
    if stops:
        assert numbers["steps"] == rung["hacking"]["step"] < 40
        assert f"rolled back to the weights of step {taken}" in numbers["note"]
    else:
        assert numbers["steps"] == 20


def test_a_grader_that_fails_on_a_tenth_of_the_rows_is_told(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grade(_: Numeric, sample: Sample) -> Grade:
        failed = str(sample.reference).endswith(("1", "5"))
        return Grade(None, "the judge is down") if failed else Grade(min(1.0, len(sample.completion) / 20), "length")

    monkeypatch.setattr(Numeric, "grade", grade)
    numbers = run(write_plan(GRPO | {"steps": 8, "prompts_per_step": 16}), tiny_model, tmp_path / "out")
    [alarm] = [alarm for alarm in numbers["alarms"] if alarm["name"] == "unscored"]
    assert "the grader could not judge 1" in alarm["text"]
    samples = [json.loads(line) for line in (tmp_path / "out" / "samples.jsonl").read_text().splitlines()]
    assert samples[0]["why"] == "the judge is down"
    assert all(tensor.isfinite().all() for tensor in weights(tmp_path / "out" / "model").values())


def test_prompts_that_leave_no_room_are_left_out_and_told(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, by_length: None
) -> None:
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    rows += [row | {"prompt": row["prompt"] + " and so on" * 120} for row in rows[:20]]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    numbers = run(write_plan(GRPO), tiny_model, tmp_path / "out")
    assert numbers["left_out_too_long"] > 0
    said = (tmp_path / "out" / "events.jsonl").read_text()
    assert f"{numbers['left_out_too_long']} of {numbers['left_out_too_long'] + numbers['prompts']} prompts" in said


def test_without_demonstrations_the_policys_own_answers_set_the_limit(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, by_length: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"prompt": f"{a} + {b} = ?", "reference": str(a + b)} for a in range(10) for b in range(6)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stage = {key: value for key, value in GRPO.items() if key != "max_new_tokens"} | {"steps": 2}
    plan = write_plan(stage)
    run(plan, tiny_model, tmp_path / "rambling")  # a random model never ends: half of the context is the limit
    assert "set max_new_tokens to 128" in (tmp_path / "rambling" / "events.jsonl").read_text()
    ended = [[Completion("7", "", num_tokens=20, truncated=False)]]
    monkeypatch.setattr(rollout, "sample", lambda _, prompts, *__: ended * len(prompts))
    assert run(plan, tiny_model, tmp_path / "short")["max_new_tokens"] == 32
    assert "set max_new_tokens to 32" in (tmp_path / "short" / "events.jsonl").read_text()


def test_an_overlong_answer_loses_as_dapo_has_it() -> None:
    assert [overlong(length, 20_480) for length in (16_384, 18_432, 20_480, 30_000)] == [0.0, 0.5, 1.0, 1.0]
    assert overlong(1, 1) == 1.0


def test_the_overlong_penalty_lowers_the_reward_of_answers_that_are_cut(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, by_length: None
) -> None:
    first = {}
    for on in (False, True):
        plan = write_plan(GRPO | {"steps": 2, "overlong_penalty": on})
        first[on] = run(plan, tiny_model, tmp_path / str(on))["first_reward"]
    assert first[True] < first[False] - 0.5, "a random model hardly ever ends by itself"


def test_the_spread_of_a_part_is_within_a_prompts_answers() -> None:
    grades = [Grade(1.0, "", parts={"a": value, "b": 1.0}) for value in (0.0, 1.0, 5.0, 5.0)]
    found = grade_metrics([*grades, Grade(None, "down")], [0, 0, 1, 1, 1])
    assert found == {
        "unscored": 0.2,
        "parts/a/mean": 2.75,
        "parts/a/spread": 0.25,
        "parts/b/mean": 1.0,
        "parts/b/spread": 0.0,
    }


def test_vllm_is_refused_before_the_first_stage_where_it_cannot_run(
    write_plan: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda _: None)
    loaded = load_plan(write_plan({"type": "sft", "name": "sft"}, GRPO | {"sampling": "vllm"}))
    with pytest.raises(UserError, match="stage `grpo` samples with vllm, but vLLM is not installed"):
        run_plan(loaded, loaded.folder / "run", Options(), Terminal())
    assert not (loaded.folder / "run").exists()


def test_vllm_samples_in_the_trainers_process_within_the_context(write_plan: Writer) -> None:
    stage = load_plan(write_plan(GRPO | {"sampling": "vllm"})).plan.stages[0]
    assert isinstance(stage, GRPOStage)
    arguments = rollout.sampling_arguments(stage, 100)
    assert arguments["use_vllm"] and arguments["vllm_mode"] == "colocate"
    assert (arguments["vllm_max_model_length"], arguments["top_p"], arguments["top_k"]) == (100, 1.0, 0)


@pytest.mark.parametrize(("key", "value"), [("top_k", 20), ("min_p", 0.1), ("generation_kwargs", {"top_k": 5})])
def test_biased_sampling_is_refused(write_plan: Writer, key: str, value: Any) -> None:
    with pytest.raises(UserError, match="sampling in training is unbiased"):
        load_plan(write_plan(GRPO | {"trainer": {key: value}}))
