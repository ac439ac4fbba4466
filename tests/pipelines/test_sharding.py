"""Sharded training: what is refused, what accelerate is told, and FSDP2 itself on a CPU over gloo.

ZeRO needs DeepSpeed and a GPU: here only its config file is read by accelerate; it has not been run.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from graders.errors import UserError
from pipelines import engines, launch_command
from pipelines.launch_command import accelerate_config
from pipelines.machines import ALONE
from pipelines.plan_file import load_plan
from pipelines.runner import Options, run_plan
from pipelines.state import steps
from tests.pipelines import sharded_on_cpu
from tests.pipelines.test_machines import plan_of
from tests.pipelines.test_runner import SFT, Notes
from tests.pipelines.test_two_processes import PASS, RATE, write_rows

pytestmark = pytest.mark.usefixtures("in_fp32")
Writer = Callable[..., Path]
PPO = {"type": "ppo", "name": "ppo", "steps": 2}


def test_ppo_and_four_bits_are_refused_when_the_plan_is_loaded(write_plan: Writer) -> None:
    with pytest.raises(UserError, match="stage `ppo`: ppo does not train under fsdp2, for its value model"):
        load_plan(write_plan(PPO, sharding="fsdp2"))
    with pytest.raises(UserError, match="weights of 4 bits are not shared out"):
        load_plan(write_plan(SFT, sharding="zero3", model={"name": "starter", "tuning": "qlora"}))


def test_without_gpus_or_with_one_process_it_is_refused_before_anything_runs(write_plan: Writer) -> None:
    with pytest.raises(UserError, match="but there is no GPU and there is one process"):
        engines.require_engines(load_plan(write_plan(SFT, sharding="fsdp2")).plan)
    with pytest.raises(UserError, match="there is no GPU and DeepSpeed is not installed"):
        engines.require_engines(load_plan(write_plan(SFT, sharding="zero2", processes=2)).plan)


def test_a_plan_without_it_has_the_fingerprint_it_had_and_another_with_it(write_plan: Writer) -> None:
    prints = [
        steps(load_plan(write_plan(SFT, **keys)), Path("run"))[0].parts
        for keys in ({}, {"sharding": "none"}, {"sharding": "fsdp2"})
    ]
    assert prints[0] == prints[1] == {key: value for key, value in prints[2].items() if key != "sharding"}


@pytest.mark.parametrize(
    ("sharding", "kind", "told"),
    [
        ("fsdp2", "FSDP", {"fsdp_version": 2, "fsdp_state_dict_type": "FULL_STATE_DICT"}),
        ("zero2", "DEEPSPEED", {"zero_stage": 2}),
        ("zero3", "DEEPSPEED", {"zero_stage": 3}),
    ],
)
def test_accelerate_reads_trls_own_config(sharding: str, kind: str, told: dict[str, Any], tmp_path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    path = tmp_path / "accelerate.yaml"
    path.write_text(accelerate_config(plan_of(4, sharding), ALONE))
    found = load_config_from_file(str(path))
    assert (found.distributed_type.value, found.num_processes, found.mixed_precision) == (kind, 4, "no")
    assert told.items() <= (found.fsdp_config | found.deepspeed_config).items()


def shard_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on our config file and `accelerate launch` as on GPUs, with processes of the CPU."""
    for module in (engines, launch_command):
        monkeypatch.setattr(module, "has_gpu", lambda: True)
    monkeypatch.setattr(launch_command, "SCRIPT", sharded_on_cpu.__file__)


def trained(plan: Path, sharding: str, stage: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The weights and the numbers that two processes leave."""
    loaded = load_plan(plan, ("processes=2", f"sharding={sharding}"))
    folder = plan.parent / f"run-{sharding}"
    assert run_plan(loaded, folder, Options(), Notes()) == 0
    (record,) = (folder / "stages").glob(f"{stage}-????????/done.json")
    if sharding != "none":
        assert "shared out" in record.with_name("events.jsonl").read_text()
    return load_file(record.with_name("model") / "model.safetensors"), json.loads(record.read_text())["numbers"]


@pytest.mark.soak
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_fsdp2_leaves_the_weights_that_whole_models_leave(
    write_plan: Writer, tuning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within 1e-5: the sum of gradients is taken in another order. The model has tied embeddings."""
    model = json.loads(write_plan(SFT).read_text())["model"] | {"tuning": tuning}
    plan = write_plan(SFT | {"epochs": 1}, model=model, checkpoint_minutes=0)
    whole, _ = trained(plan, "none", "sft")
    shard_here(monkeypatch)
    shared, numbers = trained(plan, "fsdp2", "sft")
    assert shared.keys() == whole.keys()
    assert all(tensor.dtype == torch.float32 for tensor in shared.values())
    assert max(float((shared[name] - whole[name]).abs().max()) for name in whole) < 1e-5
    before = load_file(Path(model["name"]) / "model.safetensors")
    assert max(float((shared[name] - before[name]).abs().max()) for name in before) > 1e-4
    assert numbers["taken_from_step"] == numbers["steps"]


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["dpo", "kto", "reward_model"])
def test_fsdp2_learns_preferences_as_whole_models_do(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"gate": False} if kind == "reward_model" else {}
    plan = write_plan(RATE | PASS | more | {"type": kind, "name": kind}, **write_rows(tmp_path, kind))
    whole, _ = trained(plan, "none", kind)
    shard_here(monkeypatch)
    shared, _ = trained(plan, "fsdp2", kind)
    assert shared.keys() == whole.keys()
    assert max(float((shared[name] - whole[name]).abs().max()) for name in whole) < 1e-5
    before = load_file(tiny_model / "model.safetensors")
    kept = before.keys() & shared.keys()
    assert max(float((shared[name] - before[name]).abs().max()) for name in kept) > 1e-4
