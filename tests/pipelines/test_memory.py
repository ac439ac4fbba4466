"""The formula of memory: near what was measured, and its parts in the right proportions."""

from dataclasses import replace

import pytest

from pipelines.memory import Memory, Method, Shape, Step, Way, memory, tokens_scored_at_once

QWEN_50M = Shape(50_337_792, 49_152, 512, 8, 1536, 8, 512, 256, 25_165_824, 8 * (4 * 1024 - 512 + 3 * 2048))
FULL = Way("sft", "full", 32, "cpu", bf16=False, checkpointing=False, eager=False)
STEP = Step(rows=4, tokens=173, several=False)
MIB = 2**20


def of(step: Step = STEP, **way: object) -> Memory:
    return memory(QWEN_50M, replace(FULL, **way), step)  # type: ignore[arg-type]  # fields of Way


@pytest.mark.parametrize(
    ("way", "step", "measured_mib"),
    [({}, STEP, 1770), ({}, replace(STEP, rows=8), 2800), ({"method": "dpo"}, replace(STEP, rows=2), 2071)],
)
def test_the_estimate_is_within_fifteen_percent_of_measured_peaks(
    way: dict[str, object], step: Step, measured_mib: int
) -> None:
    assert of(step, **way).peak / MIB == pytest.approx(measured_mib, rel=0.15)


def test_an_adapter_saves_the_states_and_gradients_of_the_weights_that_stand_still() -> None:
    full, lora = of(), of(tuning="lora")
    trained = 32 * QWEN_50M.lora_units
    assert full.gradients == 4 * QWEN_50M.parameters
    assert lora.gradients == 4 * trained
    assert full.held - lora.held == 8 * QWEN_50M.parameters - 12 * trained


def test_ppo_holds_policy_values_and_reference_and_dpo_a_reference() -> None:
    weights = 4 * QWEN_50M.parameters
    assert of(method="dpo").held - of().held == weights
    assert of(method="ppo").held - of().held == 4 * weights  # values with their states, the reference
    assert of(method="ppo", tuning="lora").held - of(tuning="lora").held == 12 * 32 * QWEN_50M.lora_units
    assert of(method="dpo", tuning="lora").held == of(tuning="lora").held, "the adapter is turned off"


def test_gradients_of_earlier_micro_batches_come_on_top() -> None:
    several, alone = of(replace(STEP, several=True)), of()
    assert several.step - alone.step == alone.gradients


def test_checkpointing_keeps_one_layer_and_plain_attention_a_square_of_the_length() -> None:
    kept, recomputed = of().activations, of(checkpointing=True).activations
    assert recomputed < kept / 5
    tokens = STEP.rows * STEP.tokens
    assert of(eager=True).activations - kept == 4 * QWEN_50M.layers * QWEN_50M.heads * STEP.tokens * tokens


def test_the_output_layer_is_held_in_tiles_not_in_logits() -> None:
    many = of(replace(STEP, rows=1000)).output
    assert many == of(replace(STEP, rows=500)).output
    assert many < 8 * 1000 * STEP.tokens * QWEN_50M.vocabulary / 10
    assert of(method="reward_model").output == 0


def test_the_output_layers_copies_are_in_fp32_on_a_cpu_whatever_the_products_are_in() -> None:
    gradient = 4 * QWEN_50M.vocabulary * QWEN_50M.hidden
    entries = STEP.rows * STEP.tokens * 32_768
    for bf16, bytes_each in ((False, 33), (True, 31)):
        assert of(bf16=bf16).output == pytest.approx(gradient + bytes_each * entries, rel=1e-6)
    assert of(bf16=True, device="cuda").output == pytest.approx(gradient + 2 * entries, rel=1e-6)


def test_the_blocks_of_a_step_stay_while_an_adapters_base_is_read_again() -> None:
    found = of(tuning="lora", checkpointing=True)
    assert found.peak >= found.held + found.activations + 4 * QWEN_50M.parameters


def test_a_large_vocabulary_is_scored_by_fewer_tokens_at_once() -> None:
    assert tokens_scored_at_once(768) == 16_384
    assert 16 * 151_936 * tokens_scored_at_once(151_936) <= 2**29


@pytest.mark.parametrize(("method", "models"), [("grpo", 1), ("ppo", 2)])
def test_a_prompt_that_a_group_shares_is_read_once_and_its_keys_and_values_are_copied(
    method: Method, models: int
) -> None:
    """PPO's value model reads it once too."""
    step = Step(rows=6, tokens=100, several=False, group=4, prompt=60)
    alone, shared = of(Step(6, 100, False), method=method), of(step, method=method)
    assert step.spared == 4, "two prompts for six rows"
    token = alone.activations / 600
    copies = models * 2 * 4 * QWEN_50M.layers * (QWEN_50M.key_value + QWEN_50M.query) * 6 * 60
    assert shared.activations == pytest.approx(360 * token + copies, rel=1e-6)
    assert shared.output < alone.output


def test_a_trial_counts_answers_that_teach_nothing_as_if_they_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most that a step can take; pipelines/preflight/trial_child.py turns it off in its own process."""
    from types import SimpleNamespace

    from pipelines import grpo_trainer

    trainer = SimpleNamespace(
        loss_type="dapo", beta=0.0, top_entropy_quantile=1.0, _entropy_bonus_enabled=False, aux_loss_enabled=False
    )
    leaves_out = grpo_trainer.QueuedGRPOTrainer._may_leave_out
    assert leaves_out(trainer, {})  # type: ignore[arg-type]  # what it reads of a trainer
    monkeypatch.setattr(grpo_trainer, "LEAVES_OUT", False)
    assert not leaves_out(trainer, {})  # type: ignore[arg-type]
