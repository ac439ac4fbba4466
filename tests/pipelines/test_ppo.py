"""PPO on a two-layer random model: KL from zero, both models learn, unscored answers teach nothing, resumes exactly.

A random model never answers right, so the grade here is how many letters it wrote: any signal will do.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.utils import DistributedType
from transformers import AutoModelForCausalLM, LlamaForCausalLM, Trainer
from trl import GRPOTrainer

from graders.base import Grade, Sample
from graders.errors import UserError
from graders.numeric import Numeric
from pipelines import ppo, shared_prompts, sizing, training
from pipelines.alarms import NO_SPREAD_ROUNDS
from pipelines.job import Job, Progress, Stopped
from pipelines.lean_batch import Batch
from pipelines.lean_passes import LeanTrainer
from pipelines.models import lora_config
from pipelines.plan import ModelSpec
from pipelines.plan_file import load_plan
from pipelines.ppo_trainer import PPOTrainer, refuse_sharding
from pipelines.sizing import Room
from pipelines.sources import STARTER
from pipelines.value_model import ValueModel

Writer = Callable[..., Path]
PPO = {"type": "ppo", "name": "ppo", "steps": 3, "prompts_per_step": 4, "max_new_tokens": 6, "learning_rate": 1e-2}
LORA = {"tuning": "lora", "lora_rank": 4}


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Numeric, "grade", by_letters)


def by_letters(_: Numeric, sample: Sample) -> Grade:
    return Grade(min(1.0, len(sample.completion) / 20), "length")


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[PPOTrainer]:
    """Every trainer that a stage makes, in order."""
    made: list[PPOTrainer] = []
    real = ppo.train

    def train(trainer: PPOTrainer, *rest: Any) -> Any:
        made.append(trainer)
        return real(trainer, *rest)

    monkeypatch.setattr(ppo, "train", train)
    return made


def job_of(plan_path: Path, model: Path, folder: Path) -> Job:
    plan = load_plan(plan_path).plan
    folder.mkdir(parents=True, exist_ok=True)
    progress = Progress(folder / "events.jsonl")
    return Job(plan, plan.stages[0].name, plan_path.parent, folder, str(model), None, progress)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict())


def largest_change(one: Path, other: Path) -> float:
    after = weights(other)
    return max((tensor - after[name]).abs().max().item() for name, tensor in weights(one).items())


def curve(folder: Path, key: str) -> list[float]:
    logs = json.loads((folder / "curve.json").read_text())
    return [log[key] for log in logs if log.get(key) is not None]


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("tuning", [{"tuning": "full"}, LORA])
def test_kl_starts_at_exactly_zero_and_policy_and_values_learn(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, trainers: list[PPOTrainer], tuning: dict[str, Any]
) -> None:
    job = job_of(write_plan(PPO, model={"name": str(tiny_model), **tuning}), tiny_model, tmp_path / "out")
    numbers = ppo.run(job)
    kl = curve(tmp_path / "out", "kl")
    assert kl[0] == 0.0
    assert any(value != 0.0 for value in kl[1:])
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 1e-4
    assert numbers["steps"] == 3 * 2
    head = trainers[0].value_model.head
    assert head.weight.abs().max() > 1e-4
    assert torch.isfinite(head.weight).all()
    assert (tmp_path / "out" / "adapter").exists() == (tuning == LORA)
    assert not (tmp_path / "out" / "checkpoints").exists()


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("tuning", [{"tuning": "full"}, LORA])
def test_passes_without_padding_and_repeated_prompts_change_nothing(
    write_plan: Writer,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trainers: list[PPOTrainer],
    tuning: dict[str, Any],
) -> None:
    # From a head of zeros the body's first gradients are so small that Adam makes steps of their rounding.
    monkeypatch.setattr(ValueModel, "start_at", lambda values, score: torch.nn.init.constant_(values.head.weight, 0.1))
    monkeypatch.setattr(training, "computes_in_bf16", lambda: False)
    monkeypatch.setattr(training, "room", lambda: Room(1 << 34, tokens=80))  # several micro-batches an update
    plan = write_plan(PPO | {"learning_rate": 1e-3}, model={"name": str(tiny_model), **tuning})
    read: list[int] = []
    real = shared_prompts.read_prompts
    monkeypatch.setattr(shared_prompts, "read_prompts", lambda body, part: read.append(1) or real(body, part))
    ppo.run(job_of(plan, tiny_model, tmp_path / "lean"))
    assert len(read) > 2 * 6 * 2, "policy and values, more passes than updates"
    for name in ("_prepare_inputs", "_get_per_token_logps_and_entropies"):
        monkeypatch.setattr(LeanTrainer, name, getattr(GRPOTrainer, name))
    monkeypatch.setattr(Batch, "trimmed", lambda batch, on_the_left: batch)
    monkeypatch.setattr(shared_prompts, "saves", lambda batch: False)
    read.clear()
    ppo.run(job_of(plan, tiny_model, tmp_path / "whole"))
    assert read == []
    models = [tmp_path / name / "model" for name in ("lean", "whole")]
    assert largest_change(models[0], models[1]) < 1e-5
    assert largest_change(models[0], tiny_model) > 1e-3
    lean, whole = (trainer.value_model.trained() for trainer in trainers)
    assert max(float((lean[name] - whole[name]).detach().abs().max()) for name in whole) < 1e-5


@pytest.mark.usefixtures("letters")
@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_.*able` is deprecated:FutureWarning")  # TRL calls them
@pytest.mark.parametrize("case", [(False, 2, "lora"), (True, 2, "lora"), (True, 2, "full"), (True, 1, "full")])
def test_passes_that_are_compared_are_made_in_one_way(
    write_plan: Writer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trainers: list[PPOTrainer],
    case: tuple[bool, int, str],
) -> None:
    """In bf16 with fused attention a shared prompt changes a log-probability by some 0.1: ratios must start at 1."""
    checkpointing, epochs, tuning = case
    load = ppo.load_for_training

    def with_fused_attention(job: Job) -> Any:
        policy = load(job)
        policy.model.set_attn_implementation("sdpa")
        return policy

    off: list[float] = []
    real = PPOTrainer._compute_loss

    def looked_at(trainer: PPOTrainer, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        if trainer.state.global_step == 0:
            ids, mask = (
                torch.cat([inputs[f"prompt_{name}"], inputs[f"completion_{name}"]], dim=1) for name in ("ids", "mask")
            )
            with torch.no_grad():
                now = trainer._get_per_token_logps_and_entropies(model, ids, mask, inputs["completion_ids"].size(1))[0]
            off.append(float(((now - inputs["old_per_token_logps"]) * inputs["completion_mask"]).abs().max()))
        return real(trainer, model, inputs)

    monkeypatch.setattr(ppo, "load_for_training", with_fused_attention)
    monkeypatch.setattr(sizing, "is_checkpointed", lambda parameters: checkpointing)
    monkeypatch.setattr(training, "computes_in_bf16", lambda: True)
    monkeypatch.setattr(PPOTrainer, "_compute_loss", looked_at)
    plan = write_plan(
        PPO | {"steps": 1, "epochs_per_step": epochs}, model={"name": str(STARTER), "tuning": tuning, "lora_rank": 4}
    )
    ppo.run(job_of(plan, STARTER, tmp_path / "out"))
    assert off == [0.0] * len(off) != []
    (trainer,) = trainers
    layers = [module for module in trainer.value_model.body.modules() if hasattr(module, "gradient_checkpointing")]
    assert all(layer.training and layer.gradient_checkpointing is checkpointing for layer in layers)


@pytest.mark.usefixtures("letters")
def test_a_reference_that_is_not_the_policy_ends_training_before_the_first_step(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PPOTrainer._reference_log_probs
    monkeypatch.setattr(PPOTrainer, "_reference_log_probs", lambda trainer, batch: real(trainer, batch) - 0.01)
    with pytest.raises(RuntimeError, match="differs from its reference before the first step"):
        ppo.run(job_of(write_plan(PPO), tiny_model, tmp_path / "out"))


def test_a_lora_value_model_has_its_own_adapter_over_the_policys_own_weights(tiny_model: Path) -> None:
    policy = LlamaForCausalLM.from_pretrained(tiny_model)
    value = ValueModel(policy, lora_config(ModelSpec(lora_rank=4)), seed=0)
    of_policy = {id(parameter) for parameter in policy.parameters()}
    shared = [parameter for parameter in value.body.parameters() if id(parameter) in of_policy]
    assert len(shared) == len(list(policy.base_model.parameters())), "nothing is held twice"
    assert all("lora_" in name or name.startswith("head.") for name in value.trained())
    assert not any("lora_" in name for name, _ in policy.named_parameters()), "the policy is as it was"


def test_a_value_is_of_the_state_before_its_token(tiny_model: Path) -> None:
    """Changing the last token changes no value; changing the one before changes the last value alone."""
    value = ValueModel(LlamaForCausalLM.from_pretrained(tiny_model), None, seed=0)
    torch.nn.init.normal_(value.head.weight)
    value.start_at(0.5)
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    one = value(Batch.of(ids, torch.ones_like(ids), 3))
    ids[0, 4] = 20
    assert torch.equal(value(Batch.of(ids, torch.ones_like(ids), 3)), one)
    ids[0, 3] = 20
    other = value(Batch.of(ids, torch.ones_like(ids), 3))
    assert torch.equal(other[:, :2], one[:, :2])
    assert not torch.equal(other[:, 2], one[:, 2])


def batch_of(trainer: PPOTrainer, old_shift: float) -> dict[str, Any]:
    """Two rendered completions, the second cut short, with advantages per token. Old log-probs lie a shift below."""
    batch = {
        "prompt_ids": torch.tensor([[5, 6], [7, 8]]),
        "prompt_mask": torch.ones(2, 2, dtype=torch.long),
        "completion_ids": torch.tensor([[9, 10, 11], [12, 13, 0]]),
        "completion_mask": torch.tensor([[1, 1, 1], [1, 1, 0]]),
        "advantages": torch.tensor([[1.0, -2.0, 0.5], [3.0, -1.0, 0.0]]),
        "num_items_in_batch": torch.tensor(5),
        "values": torch.zeros(2, 3),
        "returns": torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]),
        "learn_mask": torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]),
    }
    with torch.no_grad():
        batch["old_per_token_logps"] = trainer._log_probs(trainer.model, batch) - old_shift
    return batch


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(("ratio", "policy_loss"), [(1.0, -1.5 / 5), (1.5, -(1.2 - 3.0 + 0.6 + 3.6 - 1.5) / 5)])
def test_the_loss_is_the_one_worked_out_by_hand(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, trainers: list[PPOTrainer], ratio: float, policy_loss: float
) -> None:
    """Five tokens. Ratio 1: minus the mean advantage. Ratio 1.5: gains count 1.2 times, losses 1.5 times.

    The fresh value model says 0.5 where returns are 1 (three tokens) and old values are 0: held at 0.2, the loss of
    each is 0.5 × 0.8². The second row is unscored, and its values learn nothing.
    """
    ppo.run(job_of(write_plan(PPO | {"steps": 1}), tiny_model, tmp_path / "out"))
    (trainer,) = trainers
    trainer.current_gradient_accumulation_steps = trainer.args.steps_per_generation = 1
    trainer.model.train()
    torch.nn.init.zeros_(trainer.value_model.head.weight)
    trainer.value_model.start_at(0.5)
    loss = trainer._compute_loss(trainer.model, batch_of(trainer, torch.tensor(ratio).log().item()))
    assert float(loss.detach()) == pytest.approx(policy_loss + 3 * 0.5 * 0.64 / 5, abs=1e-5)


def test_unscored_answers_teach_nothing(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainers: list[PPOTrainer]
) -> None:
    """Every second answer is unscored: their advantages are zero, and no value is learned from them."""
    count = iter(range(10_000))
    monkeypatch.setattr(
        Numeric, "grade", lambda grader, sample: Grade(None, "down") if next(count) % 2 else by_letters(grader, sample)
    )
    seen: list[dict[str, Any]] = []
    real = PPOTrainer._generate_and_score_completions

    def keep(trainer: PPOTrainer, inputs: Any) -> dict[str, Any]:
        seen.append(real(trainer, inputs))
        return seen[-1]

    monkeypatch.setattr(PPOTrainer, "_generate_and_score_completions", keep)
    ppo.run(job_of(write_plan(PPO), tiny_model, tmp_path / "out"))
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 1e-4
    for batch in seen:
        assert not batch["learn_mask"][1::2].any()
        assert not batch["advantages"][1::2].any()
        assert batch["advantages"][::2].any()


def test_a_grader_that_can_judge_nothing_ends_it_at_once(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Numeric, "grade", lambda *_: Grade(None, "the judge is down"))
    with pytest.raises(UserError, match=r"could judge none of the first answers.*the judge is down"):
        ppo.run(job_of(write_plan(PPO), tiny_model, tmp_path / "out"))


def test_where_nothing_can_be_told_apart_the_policy_stays_as_it_is(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Numeric, "grade", lambda *_: Grade(0.0, "all the same"))
    numbers = ppo.run(job_of(write_plan(PPO), tiny_model, tmp_path / "out"))
    assert "nothing to learn from. The model is as it was" in numbers["note"]
    assert largest_change(tiny_model, tmp_path / "out" / "model") == 0.0


@pytest.mark.usefixtures("letters")
def test_training_ends_where_nothing_can_be_learned(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Numeric, "grade", lambda *_: Grade(0.0, "all the same"))
    numbers = ppo.run(job_of(write_plan(PPO | {"steps": 9}), tiny_model, tmp_path / "out"))
    assert numbers["steps"] in (NO_SPREAD_ROUNDS, NO_SPREAD_ROUNDS + 1), "of 9 batches, two steps each"
    assert "no_spread" in [ring["name"] for ring in numbers["alarms"]]


@pytest.mark.usefixtures("letters")
def test_a_gradient_that_is_no_number_is_left_out(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of six optimizer steps has a loss of NaN."""
    real, count = PPOTrainer._compute_loss, iter(range(100))

    def spoiled(trainer: PPOTrainer, model: Any, inputs: Any) -> torch.Tensor:
        return real(trainer, model, inputs) * (torch.nan if next(count) == 1 else 1.0)

    monkeypatch.setattr(PPOTrainer, "_compute_loss", spoiled)
    ppo.run(job_of(write_plan(PPO), tiny_model, tmp_path / "out"))
    assert all(tensor.isfinite().all() for tensor in weights(tmp_path / "out" / "model").values())
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 1e-4


@pytest.mark.parametrize("tuning", [{"tuning": "full"}, LORA])
@pytest.mark.parametrize("at", [1, 2])
def test_a_stop_saves_where_answers_are_sampled_next_and_resumes_to_the_same_policy_and_values(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, tuning: Any
) -> None:
    """A wish to stop that comes with batch `at` is granted after that batch's second optimizer step."""
    monkeypatch.setattr(Numeric, "grade", by_letters)
    plan = write_plan(PPO, model={"name": str(tiny_model), **tuning})
    whole = ppo.run(job_of(plan, tiny_model, tmp_path / "whole"))
    parted = job_of(plan, tiny_model, tmp_path / "parted")
    calls = iter(range(1, 10_000))

    def asks_to_stop(grader: Numeric, sample: Sample) -> Grade:
        parted.progress.stop_requested = next(calls) > 8 * (at - 1)
        return by_letters(grader, sample)

    monkeypatch.setattr(Numeric, "grade", asks_to_stop)
    with pytest.raises(Stopped):
        ppo.run(parted)
    assert [path.name for path in parted.checkpoints.glob("checkpoint-*")] == [f"checkpoint-{2 * at}"]
    monkeypatch.setattr(Numeric, "grade", by_letters)
    resumed = ppo.run(job_of(plan, tiny_model, tmp_path / "parted"))
    assert resumed["steps"] == whole["steps"]
    assert resumed["value_model"] == whole["value_model"]
    assert largest_change(tmp_path / "whole" / "model", tmp_path / "parted" / "model") == 0.0


def test_the_methods_that_are_overridden_are_trls() -> None:
    """TRL's minor version is pinned; after it moves, read each of these before the tests are run."""
    ours = {name for name, value in vars(PPOTrainer).items() if callable(value)}
    of_trl = {"_calculate_rewards", "_generate_and_score_completions", "_compute_loss"}
    of_transformers = {"create_optimizer", "_save_checkpoint", "_load_optimizer_and_scheduler"}
    called = {"_get_per_token_logps_and_entropies"}
    assert all(hasattr(Trainer, name) for name in of_transformers)
    assert all(name in vars(GRPOTrainer) for name in of_trl | called)
    assert {name for name in ours if hasattr(GRPOTrainer, name)} == of_trl | of_transformers


@pytest.mark.parametrize("kind", [DistributedType.FSDP, DistributedType.DEEPSPEED])
def test_sharded_training_is_refused(kind: DistributedType) -> None:
    with pytest.raises(UserError, match="ppo does not train under"):
        refuse_sharding(kind)
    refuse_sharding(DistributedType.MULTI_GPU)
