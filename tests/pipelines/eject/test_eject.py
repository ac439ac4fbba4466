"""What `eject` writes, refuses and lists."""

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor.cli.main import run_command
from pipelines.data.split import load_split
from pipelines.eject.peers import PEERS
from pipelines.eject.resolve import resolve
from pipelines.plan_file import load_plan
from pipelines.runner import default_run_folder
from tests.pipelines.eject.conftest import Planner

SFT = {"type": "sft", "name": "sft"}


@pytest.fixture(scope="module")
def ejected(tmp_path_factory: pytest.TempPathFactory, plan_in: Planner) -> Path:
    """A folder with the plan, and one a peer."""
    folder = tmp_path_factory.mktemp("ejected")
    plan = plan_in(folder)
    for peer in PEERS:
        assert run_command(["eject", str(plan), "--to", peer, "--out", str(folder / peer)]) == 0
    return folder


def config_of(folder: Path, stage: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((folder / f"{stage}.yaml").read_text())
    return config


def lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_each_stage_begins_with_what_the_last_one_leaves(ejected: Path) -> None:
    starts = {name: config_of(ejected / "trl", name)["model_name_or_path"] for name in ("rm", "prefer", "thumbs", "rl")}
    assert starts == {
        "rm": "models/warm-up",
        "prefer": "models/warm-up",
        "thumbs": "models/prefer",
        "rl": "models/thumbs",
    }
    commands = (ejected / "trl/run.sh").read_text().splitlines()[3:]
    assert [command.split()[1] for command in commands] == ["sft", "reward", "dpo", "kto", "grpo"]
    assert config_of(ejected / "llamafactory", "thumbs")["model_name_or_path"] == "models/prefer"
    assert config_of(ejected / "axolotl", "prefer")["base_model"] == "models/warm-up"


def test_the_batch_of_every_peer_is_the_plans(ejected: Path) -> None:
    for peer, stages in {"trl": 5, "llamafactory": 4, "axolotl": 3}.items():
        configs = [path for path in (ejected / peer).glob("*.yaml")]
        assert len(configs) == stages
        for path in configs:
            config = yaml.safe_load(path.read_text())
            micro = config["micro_batch_size" if peer == "axolotl" else "per_device_train_batch_size"]
            assert micro * config["gradient_accumulation_steps"] == (16 if path.stem == "rl" else 8)


def test_every_setting_of_the_plan_is_in_the_config(ejected: Path) -> None:
    sft, dpo = config_of(ejected / "trl", "warm-up"), config_of(ejected / "trl", "prefer")
    assert (sft["num_train_epochs"], sft["seed"], sft["weight_decay"], sft["max_length"]) == (2, 0, 0.01, None)
    assert (sft["lr_scheduler_type"], sft["warmup_steps"], sft["completion_only_loss"]) == ("cosine", 0.1, True)
    assert (dpo["loss_type"], dpo["beta"]) == (["ipo"], 0.5)
    rl = config_of(ejected / "trl", "rl")
    assert (rl["num_generations"], rl["max_steps"], rl["epsilon_high"], rl["beta"]) == (4, 3, 0.28, 0.0)
    factory, axolotl = config_of(ejected / "llamafactory", "prefer"), config_of(ejected / "axolotl", "prefer")
    assert (factory["pref_loss"], factory["pref_beta"]) == ("ipo", 0.5)
    assert (axolotl["dpo_loss_type"], axolotl["rl_beta"]) == (["ipo"], 0.5)


def test_what_a_peer_lacks_is_listed(ejected: Path) -> None:
    trl, factory = ((ejected / peer / "NOT_CARRIED.md").read_text() for peer in ("trl", "llamafactory"))
    assert "## reft\n\n- the whole stage: TRL 1.16 has no PPO trainer" in trl
    assert "alarms that end the training: no_spread, hacking" in trl
    assert "become other tokens" not in trl + factory
    assert "## rl\n\n- the whole stage: LLaMA-Factory has no GRPO" in factory
    assert "`trainer:`" not in factory  # weight_decay is passed on


def test_test_rows_stand_apart_and_no_part_shares_a_prompt(ejected: Path) -> None:
    loaded = load_plan(ejected / "plan.yaml")
    split = load_split(loaded.plan.data, ejected)
    tests = lines(ejected / "trl/test.jsonl")
    assert [row["messages"] for row in tests] == [[dict(turn) for turn in row.messages] for row in split.test.rows]
    assert tests[0]["reference"] == split.test.rows[0].reference
    held = {row["messages"][-1]["content"] for row in tests}
    for path in (ejected / "trl/data").glob("*/*.jsonl"):
        assert not held & {row["prompt"][-1]["content"] for row in lines(path)}
    assert len(lines(ejected / "trl/data/warm-up/validation.jsonl")) == len(split.validation.rows)


@pytest.mark.parametrize(("named", "pairs"), [({"test": "test.jsonl"}, 0), ({}, 1)])
def test_a_file_of_pairs_adds_its_own_test_rows_and_a_test_file_stands_once(
    plan_in: Planner, tmp_path: Path, named: dict[str, str], pairs: int
) -> None:
    said = [{"prompt": f"May I {n}?", "chosen": f"Yes, {n}.", "rejected": f"No {n}."} for n in range(60)]
    asked = [{"prompt": f"Say {n}.", "completion": str(n), "reference": str(n)} for n in range(260)]
    for name, some in {"pairs": said, "asked": asked[:220], "test": asked[220:]}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
    data = {"train": "asked.jsonl", "preferences": "pairs.jsonl", **named}
    plan = plan_in(tmp_path, [SFT, {"type": "dpo", "name": "dpo"}], data=data)
    assert run_command(["eject", str(plan), "--to", "trl", "--out", str(tmp_path / "out")]) == 0
    tests = lines(tmp_path / "out" / "test.jsonl")
    prompts = [row["messages"][-1]["content"] for row in tests]
    assert len(prompts) == len(set(prompts)) >= 40
    assert any("chosen" in row for row in tests) == bool(pairs)


def test_rendered_rows_are_tokenised_to_what_is_learned_here(ejected: Path) -> None:
    loaded = load_plan(ejected / "plan.yaml")
    found = {one.name: one for one in resolve(loaded, default_run_folder(loaded), PEERS["llamafactory"], None).ready}[
        "prefer"
    ]
    written = lines(ejected / "llamafactory/data/prefer/train.jsonl")
    tokenizer = found.policy.tokenizer
    for example, row in zip(found.train.examples, written, strict=True):
        for side in ("chosen", "rejected"):
            parts = [tokenizer(row[key], add_special_tokens=False)["input_ids"] for key in ("prompt", side)]
            assert tuple(parts) == example.ids[side]
    segments = lines(ejected / "axolotl/data/warm-up/train.jsonl")[0]["segments"]
    assert [part["label"] for part in segments] == [False, True]
    assert segments[1]["text"].endswith("<|end|>")
    info = json.loads((ejected / "llamafactory/data/thumbs/dataset_info.json").read_text())
    assert info["train"]["columns"] == {"prompt": "prompt", "response": "completion", "kto_tag": "label"}


def test_the_reward_is_the_plans_grader(ejected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ejected / "trl", tmp_path, dirs_exist_ok=True)
    assert config_of(tmp_path, "rl")["reward_funcs"] == ["reward_rl.reward"]
    monkeypatch.syspath_prepend(str(tmp_path))
    reward = importlib.import_module("reward_rl").reward
    sys.modules.pop("reward_rl")
    asked = lines(tmp_path / "data/rl/train.jsonl")[0]["prompt"][-1]["content"].split()
    right = int(asked[0]) + int(asked[2])
    answers = [[{"role": "assistant", "content": f"#### {right}"}], [{"role": "assistant", "content": "#### 999"}]]
    given = reward(completions=answers, row_index=[0, 1], completion_ids=[[1], [1] * 500], log_metric=lambda *_: None)
    assert given == [1.0, -1.0]  # wrong, and as long as may be
    assert json.loads((tmp_path / "grader_rl/samples.jsonl").read_text())["completion"] == f"#### {right}"


def test_lora_is_carried_and_merged_before_the_next_stage(plan_in: Planner, tmp_path: Path, tiny_model: Path) -> None:
    model = {"name": str(tiny_model), "tuning": "lora", "lora_rank": 4}
    plan = plan_in(tmp_path, [SFT, {"type": "dpo", "name": "dpo"}], model=model)
    for peer in PEERS:
        assert run_command(["eject", str(plan), "--to", peer, "--out", str(tmp_path / peer)]) == 0
    sft, dpo = config_of(tmp_path / "trl", "sft"), config_of(tmp_path / "trl", "dpo")
    assert (sft["lora_r"], sft["lora_alpha"], sft["lora_dropout"], sft["lora_target_modules"]) == (
        4,
        8,
        0.0,
        ["all-linear"],
    )
    assert dpo["model_name_or_path"] == "models/sft-merged"
    assert "python merge.py models/sft models/sft-merged" in (tmp_path / "trl/run.sh").read_text()
    assert config_of(tmp_path / "llamafactory", "sft-merge")["export_dir"] == "models/sft-merged"
    assert config_of(tmp_path / "axolotl", "dpo")["base_model"] == "models/sft-merged"


def test_one_stage_alone_needs_what_it_begins_with(
    plan_in: Planner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_in(tmp_path)
    asked = ["eject", str(plan), "--to", "trl", "--out", str(tmp_path / "out")]
    assert run_command([*asked, "--stage", "prefer"]) == 1
    assert "begins with what `warm-up` leaves, which is neither ejected nor done" in capsys.readouterr().err
    assert run_command([*asked, "--stage", "warm-up"]) == 0
    assert [path.stem for path in (tmp_path / "out").glob("*.yaml")] == ["warm-up"]
    assert run_command([*asked, "--stage", "none"]) == 1
    assert "no stage is called `none`" in capsys.readouterr().err


def test_what_cannot_be_ejected_is_refused_and_nothing_is_overwritten(
    plan_in: Planner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_in(tmp_path, [{"type": "ppo", "name": "reft"}])
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert run_command(["eject", str(plan), "--to", "trl", "--out", str(tmp_path / "new")]) == 1
    assert "nothing can be ejected to TRL 1.16: reft: TRL 1.16 has no PPO trainer" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    assert run_command(["eject", str(plan), "--to", "trl", "--out", str(out)]) == 1
    assert "there is something else already" in capsys.readouterr().err
    assert (out / "mine.txt").read_text() == "mine"
    assert run_command(["eject", str(tmp_path), "--to", "trl", "--out", str(out)]) == 1
    assert "this folder is no run" in capsys.readouterr().err
