"""TRL's own parser and trainers on what `eject` wrote: the same settings, the same token ids, the same losses."""

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import AutoTokenizer

from advisor.cli.main import run_command
from pipelines import sft
from pipelines.eject.peers import PEERS
from pipelines.eject.ready import Ready
from pipelines.eject.resolve import resolve
from pipelines.job import Job, Progress
from pipelines.models import computes_in_bf16
from pipelines.plan_file import load_plan
from pipelines.runner import default_run_folder
from tests.pipelines.eject.conftest import Planner

COMMANDS = {"warm-up": "sft", "rm": "reward", "prefer": "dpo", "thumbs": "kto", "rl": "grpo"}
CHATML = (
    "{% for m in messages %}{{ '<|user|>' + m['role'] + ':' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|user|>assistant:' }}{% endif %}"
)
"""A line break after the end of a turn, as in ChatML."""
THINKING = CHATML.replace("'<|user|>assistant:' }}", "'<|user|>assistant:<think>\n\n</think>\n\n' }}")
"""A closed thinking block in the prompt, which the whole chat lacks."""


def parsed(folder: Path, stage: str) -> tuple[Any, ...]:
    """What `trl` itself makes of a config on a machine without a GPU; unknown keys are errors."""
    parser = importlib.import_module(f"trl.scripts.{COMMANDS[stage]}").make_parser(prog="trl")
    bf16 = str(computes_in_bf16()).lower()
    asked = ["--config", str(folder / f"{stage}.yaml"), "--use_cpu", "true", "--bf16", bf16]
    found: tuple[Any, ...] = parser.parse_args_and_config(asked)
    return found


class Stop(Exception):
    """Ends TRL's script before it trains, and carries the trainer that it made."""


def trainer_of(folder: Path, stage: str, monkeypatch: pytest.MonkeyPatch, model: Path) -> Any:
    """The trainer that TRL's script makes, before its first step. model: begins with it."""

    def train(self: Any, **_: Any) -> None:
        raise Stop(self)

    monkeypatch.chdir(folder)
    monkeypatch.setattr(transformers.Trainer, "train", train)
    found = parsed(folder, stage)
    found[2].model_name_or_path = str(model)
    with pytest.raises(Stop) as caught:
        importlib.import_module(f"trl.scripts.{COMMANDS[stage]}").main(*found)
    return caught.value.args[0]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, plan_in: Planner) -> Path:
    return plan_in(tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="module")
def folder(planned: Path) -> Path:
    out = planned.parent / "trl"
    assert run_command(["eject", str(planned), "--to", "trl", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def ready(planned: Path) -> dict[str, Ready]:
    """What the stages here learn from."""
    loaded = load_plan(planned)
    return {one.name: one for one in resolve(loaded, default_run_folder(loaded), PEERS["trl"], None).ready}


@pytest.mark.parametrize("stage", COMMANDS)
def test_trl_accepts_the_config_and_reads_the_plans_numbers(stage: str, folder: Path, ready: dict[str, Ready]) -> None:
    script, training, model, _ = parsed(folder, stage)
    size = ready[stage].size
    assert training.per_device_train_batch_size * training.gradient_accumulation_steps == size.per_step
    assert training.learning_rate == size.learning_rate
    assert script.dataset_test_split == "validation"
    assert training.activation_checkpointing is False
    assert (model.dtype, model.use_peft) == ("float32", False)


def test_trl_learns_from_the_same_token_ids(
    folder: Path, ready: dict[str, Ready], monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    got = trainer_of(folder, "warm-up", monkeypatch, tiny_model).train_dataset
    for example, ids, labels in zip(ready["warm-up"].train.examples, got["input_ids"], got["labels"], strict=True):
        prompt, answer = example.ids["completion"]
        assert (ids, labels) == ([*prompt, *answer], [*[-100] * len(prompt), *answer])
    dpo = trainer_of(folder, "prefer", monkeypatch, tiny_model).train_dataset
    for example, row in zip(ready["prefer"].train.examples, dpo, strict=True):
        assert (row["prompt_ids"], row["chosen_ids"]) == example.ids["chosen"]
        assert (row["prompt_ids"], row["rejected_ids"]) == example.ids["rejected"]
    kto = trainer_of(folder, "thumbs", monkeypatch, tiny_model).train_dataset
    for example, row in zip(ready["thumbs"].train.examples, kto, strict=True):
        assert (row["prompt_ids"], row["completion_ids"]) == example.ids["completion"]
        assert row["label"] is example.label
    rm = trainer_of(folder, "rm", monkeypatch, tiny_model).train_dataset
    for example, row in zip(ready["rm"].train.examples, rm, strict=True):
        assert ([], row["chosen_ids"]) == example.ids["chosen"]


@pytest.mark.parametrize(("template", "layout"), [(CHATML, "text"), (THINKING, "text"), (None, "text")])
def test_rows_are_laid_out_so_that_other_templates_give_the_same_ids_too(
    template: str | None,
    layout: str,
    plan_in: Planner,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = template
    (model / "chat_template.jinja").unlink()
    tokenizer.save_pretrained(model)
    plan = plan_in(tmp_path, [{"type": "sft", "name": "warm-up"}], model={"name": str(model)})
    assert run_command(["eject", str(plan), "--to", "trl", "--out", str(tmp_path / "out")]) == 0
    first = json.loads((tmp_path / "out/data/warm-up/train.jsonl").read_text().splitlines()[0])
    assert isinstance(first["prompt"], str if layout == "text" else list)
    loaded = load_plan(plan)
    expected = resolve(loaded, default_run_folder(loaded), PEERS["trl"], None).ready[0].train.examples
    trainer = trainer_of(tmp_path / "out", "warm-up", monkeypatch, model)
    got = trainer.train_dataset
    for example, ids, labels in zip(expected, got["input_ids"], got["labels"], strict=True):
        prompt, answer = example.ids["completion"]
        assert (ids, labels) == ([*prompt, *answer], [*[-100] * len(prompt), *answer])
    assert (template is None) == (tmp_path / "out/chat_template.jinja").exists()


def test_the_losses_of_trl_are_ours(tmp_path: Path, plan_in: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = {"type": "sft", "name": "warm-up", "batch_size": 8, "epochs": 0.15, "learning_rate": 1e-2}
    plan = plan_in(tmp_path, [stage], metric="likelihood")
    loaded = load_plan(plan)
    policy, progress = loaded.plan.model.name, Progress(tmp_path / "events.jsonl")
    sft.run(Job(loaded.plan, "warm-up", tmp_path, tmp_path, policy, None, progress))
    ours = [entry["loss"] for entry in json.loads((tmp_path / "curve.json").read_text()) if "loss" in entry]
    assert run_command(["eject", str(plan), "--to", "trl", "--out", str(tmp_path / "out")]) == 0
    monkeypatch.chdir(tmp_path / "out")
    logs: list[dict[str, Any]] = []
    keep = transformers.Trainer.log
    monkeypatch.setattr(
        transformers.Trainer, "log", lambda self, log, *more: (logs.append(dict(log)), keep(self, log, *more))
    )
    importlib.import_module("trl.scripts.sft").main(*parsed(tmp_path / "out", "warm-up"))
    theirs = [log["loss"] for log in logs if "loss" in log]
    assert len(ours) == 3
    assert ours[-1] < ours[0]
    assert theirs == pytest.approx(ours, rel=1e-4)
