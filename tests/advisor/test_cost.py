"""What an advice takes: tokens by hand, sizes of models from files and names, hours from the machine."""

import json
import struct
from pathlib import Path

import pytest

from advisor.advise import Request, advise
from advisor.cost import WIDE, Cost, Costed, ModelSize, cost, model_size
from advisor.hardware import (
    CPU_SAMPLED,
    CPU_TRAINED,
    STAGE_SECONDS,
    STEP_SECONDS,
    TOGETHER,
    TRAINED,
    Speed,
    gpu_memory_gib,
    speed,
)
from advisor.reading import measure
from pipelines.data.spec import DataSpec, SplitSpec
from pipelines.sources import STARTER


def profiled(folder, rows):
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return measure(DataSpec(train=path.name, split=SplitSpec(validation=0.1, test=0.2)), folder)[1]


def worked(number):
    """Prompts of 30 characters, answers of 60."""
    return [
        {"prompt": f"question {n:04d}".ljust(30, "?"), "completion": "x " * 29 + f"{n % 9} "[:1]} for n in range(number)
    ]


def test_sft_passes_each_training_row_in_each_epoch(tmp_path):
    rows = profiled(tmp_path, worked(1000))
    assert 650 < rows.num_train < 750
    assert 150 < rows.num_test < 250
    found = cost(["sft"], rows, 1000, False, None, None)
    assert found.trained == rows.num_train * 2 * (10 + 20)
    # The base and the tuned model each answer the test rows once and 100 of them eight times.
    assert found.sampled == 2 * (rows.num_test + 800) * 20
    assert found.hours is None


def test_a_narrow_model_takes_more_passes(tmp_path):
    rows = profiled(tmp_path, worked(100))
    narrow, wide = (cost(["sft"], rows, 100, False, ModelSize(10**6, width), None) for width in (192, 4096))
    assert narrow.trained > wide.trained


def test_grpo_writes_eight_answers_to_each_prompt(tmp_path):
    rows = profiled(tmp_path, worked(1000))
    none, found = (cost(methods, rows, 0, False, None, None) for methods in ([], ["grpo"]))
    answers = 8 * 32 * (2 * rows.num_train // 32)  # two passes
    assert found.trained == answers * 30
    assert found.sampled - none.sampled == answers * 20 + (rows.num_test + 800) * 20


def test_grpo_reads_a_prompt_once_for_its_group_where_layers_are_not_computed_twice(tmp_path):
    rows = profiled(tmp_path, worked(1000))
    small, large = (
        cost(["grpo"], rows, 0, False, ModelSize(size, WIDE), None).trained for size in (500_000_000, 500_000_001)
    )
    prompts = 32 * (2 * rows.num_train // 32)
    assert (small, large) == (prompts * (10 + 8 * 20), prompts * 8 * (10 + 20))


def test_pairs_cost_both_sides_and_the_reference_model(tmp_path):
    pairs = [{"prompt": "p" * 30 + str(n), "chosen": "c" * 60, "rejected": "r" * 60} for n in range(3000)]
    rows = profiled(tmp_path, pairs)
    found = cost(["dpo"], rows, 0, False, None, None)
    assert (rows.prompt_tokens, rows.answer_tokens) == (11, 20)
    assert found.trained == round(rows.num_train * 2 * 4 / 3 * 31)


def test_reasoning_that_no_row_shows_is_reckoned_with(tmp_path):
    bare = [{"prompt": f"How many are {n} and {n}? ", "reference": str(2 * n)} for n in range(200)]
    rows = profiled(tmp_path, bare)
    short, long = (cost(["grpo"], rows, 0, reasons, None, None) for reasons in (False, True))
    assert long.sampled > 100 * short.sampled


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen/Qwen3-0.6B", 600_000_000),
        ("meta-llama/Llama-3.1-8B-Instruct", 8_000_000_000),
        ("someone/SmolLM2-135M", 135_000_000),
        ("someone/model_7b_chat", 7_000_000_000),
        ("mistralai/Mixtral-8x7B", None),
        ("someone/model", None),
        ("someone/b4b", None),
        ("someone/model-0B", None),
        ("./missing", None),
    ],
)
def test_a_hub_name_may_tell_the_size(name, parameters, tmp_path):
    found = model_size(name, tmp_path)
    assert found == (None if parameters is None else ModelSize(parameters, WIDE))


def test_a_folder_is_asked_by_its_files(tmp_path):
    from safetensors.torch import load_file

    true = sum(tensor.numel() for tensor in load_file(STARTER / "model.safetensors").values())
    assert model_size("starter", tmp_path) == ModelSize(true, 192)


@pytest.mark.parametrize("content", [b"", b"abc", struct.pack("<Q", 2**60), struct.pack("<Q", 4) + b"null"])
def test_files_that_are_no_model_give_no_size(content, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(content)
    assert model_size(str(tmp_path), tmp_path) is None


def fake_gpu(folder, monkeypatch, name):
    tool = folder / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\ncase "$1" in *name) echo "{name}";; *) echo 81559;; esac\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("name", "flops"),
    [("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA A100-SXM4-40GB", 312e12), ("NVIDIA GeForce RTX 4090", 165e12)],
)
def test_a_known_gpu_is_told_by_its_name(name, flops, tmp_path, monkeypatch):
    fake_gpu(tmp_path, monkeypatch, name)
    assert speed().flops == flops
    assert gpu_memory_gib() == 79.6


def test_what_the_tool_says_need_not_be_text(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nprintf '\\377\\376'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (speed(), gpu_memory_gib()) == (None, 0.0)


@pytest.mark.parametrize("name", ["Some other card", "NVIDIA L40", "NVIDIA GH200 480GB"])
def test_an_unknown_gpu_gives_no_hours(name, tmp_path, monkeypatch):
    fake_gpu(tmp_path, monkeypatch, name)
    assert speed() is None


def test_a_cpu_is_tried(monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = speed()
    assert found.bandwidth is None
    assert found.flops > 1e8


def test_seconds_are_work_by_speed():
    assert Speed(1e12, None).seconds(10**6, 1e6, 0, 0) == pytest.approx(6e12 / (CPU_TRAINED * 1e12))
    assert Speed(1e12, None).seconds(10**6, 0, 1e6, 3) == pytest.approx(2e12 / (CPU_SAMPLED * 1e12) + 3 * STAGE_SECONDS)
    assert Speed(1e15, 1e12).seconds(10**6, 1e9, 0, 0) == pytest.approx(6e15 / (TRAINED * 1e15))
    assert Speed(1e15, 1e12).seconds(10**6, 0, 6400, 0) == pytest.approx(STEP_SECONDS * 6400 / TOGETHER)
    assert Speed(1e15, 1e12).seconds(10**11, 0, 64, 0) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("spent", "told"),
    [
        (Cost(170_123, 999), "a: 170 k tokens trained on, 999 sampled"),
        (Cost(1_249_000, 0, 0.5), "a: 1.2 M tokens trained on, 0 sampled: about 30 minutes"),
        (Cost(31_000_000_000, 0, 12), "a: 31 B tokens trained on, 0 sampled: about 12.0 hours"),
        (Cost(1, 0, 48_000), "a: 1 tokens trained on, 0 sampled: about 2,000 days"),
    ],
)
def test_costs_are_told_with_two_digits(spent, told):
    assert Costed("a", spent).hours == told


def test_the_plan_keeps_tokens_and_no_hours(tmp_path, jsonl):
    rows = jsonl([{"prompt": f"Say {n}", "completion": f"{n} it is, said"} for n in range(400)])
    found = advise(Request(Path(rows).with_name("plan.yaml"), DataSpec(train="none"), {"data": str(rows)}))
    assert found.costs[0].advice == " → ".join(found.decision.stages)
    assert all(each.cost.hours is not None for each in found.costs)
    assert found.plan.decision.costs == tuple(each.tokens for each in found.costs)
    assert not any("about" in line for line in found.plan.decision.costs)


def test_no_more_rows_are_imitated_than_there_are(jsonl):
    rows = jsonl([{"prompt": f"Say {n}", "completion": f"{n} it is, said"} for n in range(400)])
    out = Path(rows).with_name("plan.yaml")
    costs = {
        labelled: advise(
            Request(out, DataSpec(train="none"), {"data": str(rows), "labelled": labelled}, force=True)
        ).costs
        for labelled in (400, 10**9)
    }
    sft = [min(each.cost.trained for each in some) for some in costs.values()]
    assert sft[0] == sft[1]
