"""DPO on a two-layer random model: starts as its reference, learns the pairs, masks, batches, resumes, alarms."""

import copy
import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from graders.errors import UserError
from pipelines import dpo, evaluate, preference_run, preference_trainers, sizing, training
from pipelines.alarms import PreferenceAlarmName
from pipelines.data.render import NO_LOSS, encode
from pipelines.data.rows import Row, Rows
from pipelines.dpo_losses import PAIR_LOSSES, PairLoss
from pipelines.job import Job, Stopped
from pipelines.plan_file import load_plan
from pipelines.preference_alarms import PREFERENCE_ALARMS
from pipelines.preferences.answers import Answer, answer_lines
from pipelines.preferences.examples import pair_examples
from pipelines.preferences.pairs import load_pairs
from pipelines.stages import STAGES
from tests.pipelines.test_grpo import StopsAt
from tests.pipelines.test_training import job_of, largest_change, run, weights

Writer = Callable[..., Path]
DPO = {"type": "dpo", "name": "dpo", "epochs": 2, "batch_size": 8, "learning_rate": 3e-3}
METRIC = {"metric": "preference", "graders": {}}
LORA = {"tuning": "lora", "lora_rank": 4}


@pytest.fixture
def write_pairs(write_plan: Writer, tmp_path: Path) -> Writer:
    """A plan over 60 made-up pairs."""
    rows = [
        {
            "prompt": f"May I have {n} {what}?",
            "chosen": f"Gladly, {n} {what}.",
            "rejected": f"No. Count {what} yourself!",
        }
        for n in range(2, 22)
        for what in ("apples", "keys", "maps")
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return lambda *stages, **keys: write_plan(*stages, **METRIC | keys)


def curve(folder: Path, key: str) -> list[float]:
    logs = json.loads((folder / "curve.json").read_text())
    return [log[key] for log in logs if log.get(key) is not None]


@pytest.mark.parametrize("tuning", [{"tuning": "full"}, LORA])
def test_dpo_starts_as_its_reference_and_learns_what_was_chosen(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path, tuning: dict[str, Any]
) -> None:
    numbers = run(write_pairs(DPO, model={"name": str(tiny_model), **tuning}), tiny_model, tmp_path / "out")
    margins, losses = curve(tmp_path / "out", "rewards/margins"), curve(tmp_path / "out", "loss")
    assert margins[0] == curve(tmp_path / "out", "chosen_change")[0] == numbers["first_margin"] == 0.0
    assert losses[0] == pytest.approx(0.6931, abs=1e-3), "log 2: neither side is preferred"
    assert margins[-1] > 0.01
    assert losses[-1] < losses[0]
    assert numbers["last_accuracy"] > 0.9
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 1e-4
    assert numbers["kl_rows"] == numbers["pairs"] > 20
    assert numbers["kl_interval"][0] <= numbers["kl"] <= numbers["kl_interval"][1]
    assert (tmp_path / "out" / "adapter").exists() == (tuning == LORA)
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_a_pair_is_trained_as_it_is_encoded_everywhere_and_its_prompt_carries_no_loss(tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    turns = ({"role": "user", "content": "May I have 3 keys?"},)
    row = Row(1, turns, chosen="Gladly, Ada.", rejected="No.")
    made = pair_examples(Rows("pairs.jsonl", "chosen/rejected", {}, (row,)), tokenizer, 100, {})
    batch = DataCollatorForPreference(pad_token_id=tokenizer.pad_token_id)(made.examples)
    for place, answer in enumerate(("Gladly, Ada.", "No.")):
        encoded = encode(tokenizer, turns, answer, {})
        length = len(encoded.input_ids)
        assert batch["input_ids"][place][:length].tolist() == encoded.input_ids
        assert batch["attention_mask"][place].sum() == length
        with_loss = batch["completion_mask"][place].tolist()
        assert with_loss[:length] == [int(label != NO_LOSS) for label in encoded.labels]
        assert not any(with_loss[length:])
        told = tokenizer.decode(batch["input_ids"][place][batch["completion_mask"][place].bool()])
        assert told == f"{answer}<|end|>"
    rendered = tokenizer.apply_chat_template([*turns, {"role": "assistant", "content": "No."}], tokenize=False)
    assert tokenizer.decode(encode(tokenizer, turns, "No.", {}).input_ids) == rendered.rstrip("\n")


@pytest.mark.parametrize("sft_weight", [0.0, 1.0])
def test_one_pair_eight_times_trains_like_eight_pairs_once(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sft_weight: float
) -> None:
    monkeypatch.setattr(training, "computes_in_bf16", lambda: False)
    plan = write_pairs(DPO | {"epochs": 1, "sft_weight": sft_weight})
    run(plan, tiny_model, tmp_path / "8x1")
    monkeypatch.setattr(training, "room", lambda: sizing.Room(0))
    run(plan, tiny_model, tmp_path / "1x8")
    losses = [curve(tmp_path / name, "loss") for name in ("8x1", "1x8")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert largest_change(tmp_path / "8x1" / "model", tmp_path / "1x8" / "model") < 1e-5


@pytest.mark.parametrize("tuning", [{"tuning": "full"}, pytest.param(LORA, marks=pytest.mark.soak)])
def test_a_stopped_run_goes_on_to_the_same_weights(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path, tuning: dict[str, Any]
) -> None:
    plan = write_pairs(DPO, model={"name": str(tiny_model), **tuning})
    run(plan, tiny_model, tmp_path / "whole")
    job = job_of(plan, tiny_model, tmp_path / "parts")
    broken = Job(job.plan, job.stage, job.base, job.folder, job.policy, None, StopsAt(job.folder / "events.jsonl", 4))
    with pytest.raises(Stopped):
        STAGES["dpo"].function()(broken)
    STAGES["dpo"].function()(job)
    whole, parts = weights(tmp_path / "whole" / "model"), weights(tmp_path / "parts" / "model")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert curve(tmp_path / "whole", "loss") == curve(tmp_path / "parts", "loss")


def test_a_control_arm_stops_after_its_time(write_pairs: Writer, tiny_model: Path, tmp_path: Path) -> None:
    numbers = run(write_pairs(DPO | {"epochs": 1}), tiny_model, tmp_path / "out", match_seconds=1.0)
    assert 1.0 <= numbers["train_seconds"] < 5.0


def test_a_reference_that_is_not_the_policy_ends_training_before_the_first_step(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another(model: Any) -> Any:
        other = copy.deepcopy(model)
        torch.nn.init.normal_(other.model.embed_tokens.weight)
        return other

    monkeypatch.setattr(preference_run, "copy", SimpleNamespace(deepcopy=another))
    with pytest.raises(RuntimeError, match="differs from its reference before the first step"):
        run(write_pairs(DPO), tiny_model, tmp_path / "out")


def test_a_reference_kept_as_numbers_trains_the_same(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "computes_in_bf16", lambda: False)
    run(write_pairs(DPO), tiny_model, tmp_path / "beside")
    stage = DPO | {"trainer": {"precompute_ref_log_probs": True}}
    numbers = run(write_pairs(stage), tiny_model, tmp_path / "numbers")
    assert "kl" not in numbers, "the reference is gone"
    assert largest_change(tmp_path / "beside" / "model", tmp_path / "numbers" / "model") < 1e-5


def test_pairs_with_a_side_that_is_too_long_are_left_out_and_counted(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    plan = write_pairs(DPO | {"epochs": 1})
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    rows[::2] = [row | {"rejected": "No, " * 300} for row in rows[::2]]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    numbers = run(plan, tiny_model, tmp_path / "out")
    assert numbers["left_out_too_long"] > 0
    said = (tmp_path / "out" / "events.jsonl").read_text()
    assert f"{numbers['left_out_too_long']} pairs are longer than 256 tokens and were left out" in said
    with pytest.raises(UserError, match="pairs are longer than 8 tokens"):
        run(write_pairs(DPO | {"max_length": 8}), tiny_model, tmp_path / "none")


def test_rows_without_pairs_are_refused(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no preference pairs to train on"):
        run(write_plan(DPO), tiny_model, tmp_path / "out")


def test_every_loss_has_its_settings_and_moves_the_margin(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    assert set(PAIR_LOSSES) == set(get_args(PairLoss))
    changes = set()
    for loss, variant in PAIR_LOSSES.items():
        numbers = run(write_pairs(DPO | {"loss": loss, "epochs": 1}), tiny_model, tmp_path / loss)
        assert numbers["beta"] == variant.beta
        assert numbers["last_margin"] > 0
        changes.add(largest_change(tiny_model, tmp_path / loss / "model"))
    assert len(changes) == len(PAIR_LOSSES), "they are different losses"


def test_imitation_beside_it_keeps_the_chosen_answers_likelier(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    plain = run(write_pairs(DPO), tiny_model, tmp_path / "plain")
    with_sft = run(write_pairs(DPO | {"sft_weight": 1.0}), tiny_model, tmp_path / "sft")
    assert with_sft["last_chosen_change"] > plain["last_chosen_change"] + 0.05
    sft_losses = curve(tmp_path / "sft", "sft_loss")
    assert sft_losses[-1] < sft_losses[0]


def test_smoothing_goes_with_the_robust_loss_alone(write_pairs: Writer, tiny_model: Path) -> None:
    with pytest.raises(UserError, match="label_smoothing goes with `loss: robust` alone"):
        load_plan(write_pairs(DPO | {"label_smoothing": 0.2}))
    assert load_plan(write_pairs(DPO | {"loss": "robust", "label_smoothing": 0.2}))


@pytest.mark.parametrize("key", ["beta", "sync_ref_model", "disable_dropout", "max_length"])
def test_keys_of_trl_that_are_ours_are_refused(write_pairs: Writer, key: str) -> None:
    with pytest.raises(UserError, match="is set by"):
        load_plan(write_pairs(DPO | {"trainer": {key: 1}}))


def test_trls_other_losses_are_at_hand(write_pairs: Writer, tiny_model: Path, tmp_path: Path) -> None:
    numbers = run(
        write_pairs(DPO | {"epochs": 1, "trainer": {"loss_type": ["apo_zero"]}}), tiny_model, tmp_path / "out"
    )
    assert numbers["last_margin"] > 0
    assert curve(tmp_path / "out", "loss")[0] == pytest.approx(1.0, abs=1e-3), "1 - sigmoid(0) + sigmoid(0)"


def test_chosen_answers_that_fall_ring_a_bell(write_pairs: Writer, tiny_model: Path, tmp_path: Path) -> None:
    """The planted case: the sides differ in their last token alone, so pushing one down takes the other with it."""
    plan = write_pairs(DPO | {"epochs": 20, "learning_rate": 1e-2, "stop_on": ["chosen_falls"]})
    rows = [{"prompt": f"{n} + 1?", "chosen": f"It is {n + 1}.", "rejected": f"It is {n + 1}!"} for n in range(60)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    numbers = run(plan, tiny_model, tmp_path / "out")
    [alarm] = numbers["alarms"]
    assert alarm["name"] == "chosen_falls"
    assert "the chosen answers became less likely too, by " in alarm["text"]
    assert "sft_weight: 1" in alarm["text"]
    assert numbers["steps"] == alarm["step"] < 80
    assert "stopped at step" in numbers["note"]


def test_the_alarms_of_preferences_are_silent_on_a_healthy_run_and_name_a_fix() -> None:
    assert [alarm.name for alarm in PREFERENCE_ALARMS] == list(get_args(PreferenceAlarmName))
    checks = {alarm.name: alarm.check for alarm in PREFERENCE_ALARMS}
    steps = [{"chosen_change": -0.01 * step, "rewards/margins": 0.1 * step} for step in range(12)]
    measured = [{"validation": 0.5}, *steps, {"validation": 0.4, "validation_change_high": 0.02}]
    for count in range(len(measured) + 1):
        assert [name for name, check in checks.items() if check(measured[:count])] == []
    fallen = [{"chosen_change": -0.6} for _ in range(5)]
    assert checks["chosen_falls"](fallen[:4]) is None
    assert "0.60 nats a token" in (checks["chosen_falls"](fallen) or "")
    worse = [*measured, {"validation": 0.2, "validation_change_high": -0.05}]
    said = checks["overfit"](worse) or ""
    assert said.startswith("the metric fell from 0.50 to 0.20 on validation rows, beyond its interval while the margin")
    assert "fewer epochs" in said


def test_trl_still_has_the_private_methods_that_are_overridden() -> None:
    for own, theirs in (
        (preference_trainers.PairTrainer, DPOTrainer),
        (preference_trainers.ThumbTrainer, KTOTrainer),
    ):
        private = [name for name in vars(own) if name.startswith("_") and not name.startswith("__")]
        assert sorted(private) == ["_compute_loss", "_prepare_dataset"]
        for name in private:
            asked = list(inspect.signature(getattr(theirs, name)).parameters)
            assert list(inspect.signature(getattr(own, name)).parameters) == asked


def test_trl_takes_each_loss(tmp_path: Path) -> None:
    for variant in PAIR_LOSSES.values():
        config = DPOConfig(
            str(tmp_path), use_cpu=True, bf16=False, activation_checkpointing=False, loss_type=[variant.trl]
        )
        assert config.loss_type == [variant.trl]


def test_weights_are_kept_by_the_pairs_preferred_on_validation_rows(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    plan = write_pairs(DPO, data={"train": "rows.jsonl", "validation": "validation.jsonl"})
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    (tmp_path / "validation.jsonl").write_text("\n".join(lines[::4]))
    numbers = run(plan, tiny_model, tmp_path / "out")
    measured = json.loads((tmp_path / "out" / "validation.json").read_text())
    means = {int(step): sum(scores) / len(scores) for step, scores in measured.items()}
    assert 0 in means, "the input policy counts too"
    assert means[numbers["taken_from_step"]] == max(means.values()) > means[0]


def test_the_share_of_pairs_preferred_is_measured_before_and_after(
    write_pairs: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    plan = write_pairs(DPO, {"type": "evaluate", "name": "base"})
    run(plan, tiny_model, tmp_path / "out")
    job = job_of(plan, tiny_model, tmp_path / "measured")
    before, after = (
        evaluate.run(Job(job.plan, "base", job.base, job.folder, str(policy), None, job.progress))
        for policy in (tiny_model, tmp_path / "out" / "model")
    )
    assert after["pass_rate"] > before["pass_rate"]
    assert after["pass_rate"] == 1.0
    assert after["n"] > 10


def test_pairs_come_from_peoples_answers_where_an_earlier_stage_collected_some(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    plan = write_plan(DPO)
    asked = [json.loads(line)["prompt"] for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    answers = [
        Answer.model_validate(
            {
                "messages": ({"role": "user", "content": prompt},),
                "completions": (f"No, {prompt}", f"Gladly: {prompt}", f"Hm, {prompt}"),
                "ranking": ((1,), (0, 2)),
                "annotator": name,
            }
        )
        for prompt in asked
        for name in ("Ann", "Ben")
    ]
    (tmp_path / "answers.jsonl").write_text(answer_lines(answers))
    job = job_of(plan, tiny_model, tmp_path / "out")
    numbers = dpo.run(replace(job, rows=tmp_path / "answers.jsonl"))
    train = load_pairs(replace(job, rows=tmp_path / "answers.jsonl")).train
    assert numbers["pairs"] == len(train.rows) == 4 * len({row.prompt for row in train.rows})
    with_ties = load_pairs(replace(job, rows=tmp_path / "answers.jsonl"), with_ties=True).train
    tied = [row for row in with_ties.rows if row.columns.get("tie") is True]
    assert len(tied) == len(with_ties.rows) - len(train.rows) == 2 * len({row.prompt for row in train.rows})
    assert 0 < len({row.prompt for row in train.rows}) < len(asked), "prompts of the test part stay there"
    assert numbers["last_margin"] > 0
    assert "Gladly: " in (tmp_path / "out" / "rows.txt").read_text()
