"""The engine draws what the model says, row by row, and as `generate` does; what was answered survives a stop."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import binomtest, chisquare

from pipelines import decoding, evaluate, sampling
from pipelines.job import Job, Progress, Stopped
from pipelines.models import Policy, load_policy
from pipelines.plan import ModelSpec
from pipelines.plan_file import load_plan
from pipelines.sampling import Sampling, sample

PROMPTS = [[{"role": "user", "content": text}] for text in ("2 + 2 = ?", "Add 3 apples to 11 apples.", "9 - 4 = ?")]


@pytest.fixture(scope="module")
def policy(tiny_model: Path) -> Policy:
    """Random weights, made surer of themselves: drawn as they are, every token would be about as likely."""
    loaded = load_policy(str(tiny_model), ModelSpec(), "answer")
    with torch.no_grad():
        loaded.model.model.norm.weight *= 6
    return loaded


def answers(policy: Policy, settings: Sampling, kept: Path | None = None) -> list[list[sampling.Completion]]:
    return sample(policy, PROMPTS, settings, {}, Progress(Path("/dev/null")), kept)


def with_generate(policy: Policy, settings: Sampling, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "fits", lambda _: False)
        return answers(policy, settings)


def test_greedy_answers_equal_those_of_generate(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Sampling(24)
    assert decoding.fits(policy.model)
    found = answers(policy, settings)
    assert found == with_generate(policy, settings, monkeypatch)
    assert len({answer[0].text for answer in found}) > 1


def test_the_first_tokens_are_drawn_with_the_models_own_probabilities(policy: Policy) -> None:
    n, temperature = 4000, 0.7
    prompt = policy.tokenizer("2 + 2 = ?").input_ids
    short = policy.tokenizer("9").input_ids  # makes the batch pad
    rows = [decoding.Row(1, (7, number)) for number in range(n)]
    tokens = decoding.decode(policy, [prompt, short], rows, 2, temperature, lambda: False)
    with torch.inference_mode():
        first = (policy.model(torch.tensor([short])).logits[0, -1].double() / temperature).softmax(-1)
    counts = torch.bincount(torch.tensor([row[0] for row in tokens]), minlength=len(first)).double()
    assert pvalue(counts, first, n) > 1e-4
    likeliest = int(first.argmax())
    seconds = [row[1] for row in tokens if row[0] == likeliest]
    with torch.inference_mode():
        logits = policy.model(torch.tensor([[*short, likeliest]])).logits[0, -1].double()
    counts = torch.bincount(torch.tensor(seconds), minlength=len(first)).double()
    assert pvalue(counts, (logits / temperature).softmax(-1), len(seconds)) > 1e-4
    often = int(counts.argmax())
    assert binomtest(int(counts[often]), len(seconds), float(first[often])).pvalue < 1e-4, "the test can tell the two"


def pvalue(counts: torch.Tensor, probabilities: torch.Tensor, n: int) -> float:
    """Of a chi-square test; tokens expected fewer than ten times are counted together."""
    common = probabilities * n >= 10
    observed = [*counts[common].tolist(), counts[~common].sum().item()]
    expected = [*(probabilities[common] * n).tolist(), (probabilities[~common] * n).sum().item()]
    return float(chisquare(observed, expected).pvalue)


def test_a_row_draws_the_same_whatever_rows_are_beside_it(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Sampling(12, 1.0, 4, seed=3)
    together = answers(policy, settings)
    monkeypatch.setattr(sampling, "rows_at_once", lambda *_: 3)
    assert answers(policy, settings) == together
    assert answers(policy, replace(settings, seed=4)) != together
    assert len({answer.text for answer in together[0]}) == 4


def test_rows_that_end_leave_the_batch_and_change_no_other(policy: Policy) -> None:
    prompt = policy.tokenizer("2 + 2 = ?").input_ids
    rows = [decoding.Row(0, (number,)) for number in range(16)]
    free = decoding.decode(replace(policy, stop_ids=(0,)), [prompt], rows, 16, 1.0, lambda: False)
    common = max({token for row in free for token in row}, key=lambda token: sum(token in row for row in free))
    stopped = decoding.decode(replace(policy, stop_ids=(common,)), [prompt], rows, 16, 1.0, lambda: False)
    wanted = [row[: row.index(common) + 1] if common in row else row for row in free]
    assert stopped == wanted
    assert len({len(row) for row in stopped}) > 1


def test_an_interrupted_call_goes_on_to_the_same_answers(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, kept = Sampling(12, 1.0, 4), tmp_path / "answers.jsonl"
    monkeypatch.setattr(sampling, "rows_at_once", lambda *_: 4)
    whole = answers(policy, settings)
    progress = Progress(Path("/dev/null"))
    real, calls = decoding.decode, 0

    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        progress.stop_requested = calls == 2
        return real(*arguments)

    monkeypatch.setattr(decoding, "decode", counted)
    with pytest.raises(Stopped):
        sample(policy, PROMPTS, settings, {}, progress, kept)
    with kept.open("a") as file:
        file.write("[2, 0, [1, 2")  # as a crash leaves it
    calls, kept_lines = 2, len(kept.read_text().splitlines())
    assert kept_lines == 1 + 4 + 1
    assert answers(policy, settings, kept) == whole
    assert calls == 4  # the first of three batches was not answered again
    assert answers(policy, settings, kept) == whole
    assert calls == 4
    other = replace(settings, seed=1)
    assert answers(policy, other, kept) == answers(policy, other)
    assert json.loads(kept.read_text().splitlines()[1])[0] in range(3)


def test_a_model_with_another_cache_is_sampled_by_generate(tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM, MambaConfig, MistralConfig

    windowed = MistralConfig(
        vocab_size=512,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        sliding_window=8,
    )
    recurrent = MambaConfig(vocab_size=512, hidden_size=32, num_hidden_layers=2, state_size=4)
    for config in (windowed, recurrent):
        assert not decoding.fits(AutoModelForCausalLM.from_config(config))
    full = MistralConfig(**{**windowed.to_dict(), "sliding_window": None})
    assert decoding.fits(AutoModelForCausalLM.from_config(full))


@pytest.mark.parametrize("adapter", [False, True])
def test_an_adapter_is_sampled_as_generate_samples_it(
    tiny_model: Path, adapter: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import LoraConfig, get_peft_model

    plain = load_policy(str(tiny_model), ModelSpec(), "answer")
    before = answers(plain, Sampling(8))
    torch.manual_seed(1)
    adapted = get_peft_model(plain.model, LoraConfig(target_modules="all-linear", init_lora_weights=not adapter))
    policy = replace(plain, model=adapted)
    found = answers(policy, Sampling(8))
    assert decoding.fits(adapted)
    assert found == with_generate(policy, Sampling(8), monkeypatch)
    assert (found == before) is not adapter


def test_an_evaluation_that_was_stopped_ends_with_the_same_files(
    write_plan: Callable[..., Path], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_path = write_plan({"type": "evaluate", "name": "base"})
    plan = load_plan(plan_path).plan
    monkeypatch.setattr(sampling, "rows_at_once", lambda *_: 4)

    def job(name: str) -> Job:
        (tmp_path / name).mkdir(exist_ok=True)
        progress = Progress(tmp_path / name / "events.jsonl")
        return Job(plan, "base", tmp_path, tmp_path / name, str(tiny_model), None, progress)

    numbers = evaluate.run(job("whole"))
    cut, real, calls = job("cut"), decoding.decode, 0

    def stops_once(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        cut.progress.stop_requested |= calls in (2, 7)
        return real(*arguments)

    monkeypatch.setattr(decoding, "decode", stops_once)
    for _ in range(2):
        with pytest.raises(Stopped):
            evaluate.run(cut)
        cut.progress.stop_requested = False
    assert evaluate.run(cut) == numbers
    assert calls == 2 + math.ceil(numbers["n"] / 4) + 2  # each stop threw one batch away
    for name in ("grades.jsonl", "samples.jsonl"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
