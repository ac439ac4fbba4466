"""Each training method on a two-layer random model: weights move, masks hold, arithmetic of batches is right."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from graders.errors import UserError
from pipelines import sizing, training
from pipelines.job import Job, Progress, Stopped
from pipelines.models import attend_fast, load_policy, merge
from pipelines.plan import ModelSpec
from pipelines.plan_file import load_plan
from pipelines.sampling import Sampling, sample
from pipelines.stages import STAGES

Writer = Callable[..., Path]


def job_of(plan_path: Path, tiny_model: Path, folder: Path, match_seconds: float | None = None) -> Job:
    """The job of a plan's first stage."""
    plan = load_plan(plan_path).plan
    folder.mkdir(parents=True)
    progress = Progress(folder / "events.jsonl")
    return Job(plan, plan.stages[0].name, plan_path.parent, folder, str(tiny_model), match_seconds, progress)


def run(plan_path: Path, tiny_model: Path, folder: Path, match_seconds: float | None = None) -> dict[str, Any]:
    job = job_of(plan_path, tiny_model, folder, match_seconds)
    return dict(STAGES[job.plan.stages[0].type].function()(job))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict())


def largest_change(one: Path, other: Path) -> float:
    after = weights(other)
    return max((tensor - after[name]).abs().max().item() for name, tensor in weights(one).items())


SFT = {"type": "sft", "name": "sft", "epochs": 2, "batch_size": 8, "learning_rate": 1e-3}


def test_sft_moves_the_weights_and_lowers_the_loss(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    numbers = run(write_plan(SFT), tiny_model, tmp_path / "out")
    curve = json.loads((tmp_path / "out" / "curve.json").read_text())
    losses = [log["loss"] for log in curve if "loss" in log]
    assert losses[-1] < losses[0]
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 1e-4
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out" / "model").iterdir()}
    assert modes["model.safetensors"] == modes["config.json"]
    assert numbers["left_out_too_long"] == 0
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_one_row_eight_times_trains_like_eight_rows_once(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "computes_in_bf16", lambda: False)
    plan = write_plan(SFT | {"epochs": 1})
    run(plan, tiny_model, tmp_path / "8x1")
    monkeypatch.setattr(training, "room", lambda: sizing.Room(0))
    run(plan, tiny_model, tmp_path / "1x8")
    losses = [
        [log["loss"] for log in json.loads((tmp_path / name / "curve.json").read_text()) if "loss" in log]
        for name in ("8x1", "1x8")
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert largest_change(tmp_path / "8x1" / "model", tmp_path / "1x8" / "model") < 1e-5


def test_lora_trains_the_adapter_alone_and_merges_it(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    plan = write_plan(SFT, model={"name": str(tiny_model), "tuning": "lora", "lora_rank": 4})
    run(plan, tiny_model, tmp_path / "out")
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").exists()
    after, before = weights(tmp_path / "out" / "model"), weights(tiny_model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("proj" in name for name in moved), "LoRA touches linear layers only"


def test_a_change_of_a_hundred_thousandth_merged_into_a_bf16_base_is_found_again(
    tiny_model: Path, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    base = tmp_path / "bf16"
    LlamaForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16).save_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    adapted = get_peft_model(model, LoraConfig(r=1, lora_alpha=1, target_modules=["q_proj"]))
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.constant_(parameter, 1.0 if "lora_A" in name else 1e-5)
    adapted.save_pretrained(tmp_path / "adapter")
    from pipelines.plan import ModelSpec

    merge(str(base), tmp_path / "adapter", ModelSpec()).save_pretrained(tmp_path / "merged")
    name = "model.layers.0.self_attn.q_proj.weight"
    change = weights(tmp_path / "merged")[name] - before[name]
    assert change.mean().item() == pytest.approx(1e-5, rel=0.01)
    assert torch.equal(weights(tmp_path / "merged")["model.embed_tokens.weight"], before["model.embed_tokens.weight"])


GRPO = {"type": "grpo", "name": "grpo", "steps": 2, "prompts_per_step": 2, "group_size": 2, "max_new_tokens": 6}
LENGTH_LIKE = {"even": {"type": "numeric"}}


def test_grpo_moves_the_weights_and_its_kl_starts_at_zero(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A random model never answers right, so the grade here is how many letters it wrote: any signal will do."""
    from graders.base import Grade
    from graders.numeric import Numeric

    monkeypatch.setattr(Numeric, "grade", lambda _, sample: Grade(min(1.0, len(sample.completion) / 20), "length"))
    plan = write_plan(GRPO | {"kl": 0.1, "learning_rate": 1e-2})
    numbers = run(plan, tiny_model, tmp_path / "out")
    curve = [log for log in json.loads((tmp_path / "out" / "curve.json").read_text()) if "kl" in log]
    assert curve[0]["kl"] == pytest.approx(0.0, abs=1e-6)
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 1e-5
    assert numbers["steps"] == 2
    assert (tmp_path / "out" / "samples.jsonl").read_text().count("\n") == 2


@pytest.mark.parametrize(("stop_on", "steps"), [([], 12), (["no_spread"], 10)])
def test_rl_in_which_every_answer_is_worth_the_same_ends_with_a_note(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, stop_on: list[str], steps: int
) -> None:
    """A random model never answers right: all scores are 0."""
    plan = write_plan(GRPO | {"steps": 12, "learning_rate": 1e-2, "stop_on": stop_on, "max_new_tokens": 2})
    numbers = run(plan, tiny_model, tmp_path / "out")
    assert numbers["steps"] == steps
    assert [alarm["step"] for alarm in numbers["alarms"] if alarm["name"] == "no_spread"] == [10]
    assert "nothing to learn from. The model is as it was" in numbers["note"]
    assert largest_change(tiny_model, tmp_path / "out" / "model") == 0.0


def formula(text: str) -> dict[str, Any]:
    return {"answer": {"type": "multi", "graders": {"a": {"type": "numeric"}}, "calculate_output": text}}


def test_rl_whose_grader_can_judge_nothing_ends_at_once_with_the_graders_reason(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    plan = write_plan(GRPO | {"steps": 50}, graders=formula("1 / (a - a)"))
    with pytest.raises(UserError, match=r"judge none of the first answers, 4 in the last batch: .*division by zero"):
        run(plan, tiny_model, tmp_path / "out")


CHECK = {"type": "string_check", "operation": "eq", "input": "{{sample.output_text}}", "reference": "{{item.answr}}"}


def test_a_variable_that_no_row_has_is_said_before_a_model_is_loaded(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, sums: Path
) -> None:
    plan = write_plan(GRPO, graders={"answer": CHECK})
    with pytest.raises(UserError, match=r"\{\{item.answr\}\} in reference: none of the \d+ rows has it"):
        run(plan, tiny_model, tmp_path / "out")
    rows = [json.loads(line) for line in sums.read_text().splitlines()]
    sums.write_text("\n".join(json.dumps(row | ({"answr": "2"} if n % 2 else {})) for n, row in enumerate(rows)))
    run(write_plan(GRPO, graders={"answer": CHECK}), tiny_model, tmp_path / "half")
    assert "rows lack it" in (tmp_path / "half" / "events.jsonl").read_text()


def test_what_no_grader_could_judge_is_no_validation_score(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, sums: Path
) -> None:
    rows = [json.dumps({"question": f"{n} + 7 = ?", "answer": str(n + 7)}) for n in range(100, 110)]
    (sums.parent / "validation.jsonl").write_text("\n".join(rows))
    data = {"train": sums.name, "validation": "validation.jsonl"}
    graders = formula("1 / (a - a)") | {"reward": {"type": "numeric"}}
    plan = write_plan(GRPO | {"steps": 1}, graders=graders, reward="reward", data=data)
    run(plan, tiny_model, tmp_path / "out")
    said = (tmp_path / "out" / "events.jsonl").read_text()
    assert "no validation score, the grader judged none of" in said
    assert "validation score 0" not in said


def test_training_that_moves_no_weight_is_an_error(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    plan = write_plan(SFT | {"learning_rate": 1e-30, "epochs": 1})
    with pytest.raises(UserError, match="training changed no weight"):
        run(plan, tiny_model, tmp_path / "out")


def test_one_step_trains(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    numbers = run(write_plan(SFT | {"batch_size": 1000, "epochs": 1}), tiny_model, tmp_path / "out")
    assert numbers["steps"] == 1
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 0


def test_a_control_arm_stops_after_its_time(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    numbers = run(write_plan(SFT), tiny_model, tmp_path / "out", match_seconds=1.0)
    assert 1.0 <= numbers["train_seconds"] < 5.0


def test_training_ends_at_its_limit_and_says_when_that_is_too_short(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    job = job_of(write_plan(SFT | {"epochs": 1000}), tiny_model, tmp_path / "out")
    numbers = STAGES["sft"].function()(replace(job, most_seconds=1.0))
    assert 1.0 <= numbers["train_seconds"] < 5.0
    job = job_of(write_plan(SFT | {"epochs": 1000}), tiny_model, tmp_path / "short")
    with pytest.raises(UserError, match="seconds were enough for 1 steps only, which moved no weight"):
        STAGES["sft"].function()(replace(job, most_seconds=0.0001))


def test_rejection_sampling_with_nothing_right_trains_on_the_rows_own_completions(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    stage = {"type": "rejection_sampling", "name": "rs", "samples_per_prompt": 2, "max_new_tokens": 4, "epochs": 1}
    numbers = run(write_plan(stage), tiny_model, tmp_path / "out")
    assert numbers["kept"] == 0
    assert numbers["own"] == numbers["examples"] > 20
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 1e-6


def test_weights_that_are_no_numbers_are_never_left_as_a_model(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="training diverged"):
        run(write_plan(SFT | {"learning_rate": 1e9}), tiny_model, tmp_path / "out")
    assert not (tmp_path / "out" / "model").exists()


def test_an_answer_longer_than_the_context_is_refused(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    evaluation = {"pass_k": 0, "max_new_tokens": 100_000}
    with pytest.raises(UserError, match="do not fit the model's context of 256"):
        run(write_plan({"type": "evaluate", "name": "base"}, evaluation=evaluation), tiny_model, tmp_path / "out")


def test_a_signal_ends_a_generation_within_a_token(tiny_model: Path) -> None:
    policy = load_policy(str(tiny_model), ModelSpec(), "answer")
    progress = Progress(Path("/dev/null"))
    progress.stop_requested = True
    begun = time.process_time()
    with pytest.raises(Stopped):
        sample(policy, [[{"role": "user", "content": "2 + 2 = ?"}]], Sampling(100_000), {}, progress)
    assert time.process_time() - begun < 5


def test_more_prompts_a_step_than_there_are_is_refused(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    stage = {"type": "grpo", "name": "grpo", "steps": 1, "prompts_per_step": 500, "group_size": 2, "max_new_tokens": 4}
    with pytest.raises(UserError, match="prompts_per_step is 500, but there are only"):
        run(write_plan(stage), tiny_model, tmp_path / "out")


def _cut_off(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def _without_a_layer(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if ".layers.1." not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


def _without_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut_off, "the model cannot be loaded: "),
        (_without_a_layer, "the model's files lack 9 of its weights, such as model.layers.1."),
        (_without_tokenizer, "the tokenizer cannot be loaded: "),
    ],
)
def test_a_damaged_model_folder_is_one_message(
    tiny_model: Path, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    damage(folder)
    with pytest.raises(UserError) as caught:
        load_policy(str(folder), ModelSpec(), "answer")
    assert caught.value.happened.startswith(said)
    assert caught.value.where == str(folder)
    assert "\n" not in caught.value.happened


def test_attention_that_is_fast_on_long_rows_reads_them_alike(tiny_model: Path) -> None:
    """Rows of unlike length, padded on the right: the padding is seen by neither kind."""
    policy = load_policy(str(tiny_model), ModelSpec(), "train")
    ids = torch.randint(5, 60, (2, 200))
    mask = torch.ones_like(ids)
    mask[1, 120:] = 0
    attend_fast(policy.model, 100)
    plain = policy.model(input_ids=ids, attention_mask=mask).logits
    assert policy.model.config._attn_implementation == "eager"
    attend_fast(policy.model, 200)
    fused = policy.model(input_ids=ids, attention_mask=mask).logits
    assert policy.model.config._attn_implementation == "sdpa"
    assert torch.allclose(plain[0], fused[0], atol=1e-4)
    assert torch.allclose(plain[1, :120], fused[1, :120], atol=1e-4)
