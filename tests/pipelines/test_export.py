"""A run's model leaves as a folder that ships, or not at all where it is not the model that was measured."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from advisor.cli.main import run_command
from pipelines.export import export as exporting
from pipelines.export import write
from pipelines.export.chosen import Chosen
from pipelines.launcher import DONE
from pipelines.plan_file import load_plan
from pipelines.runner import Options, default_run_folder, run_plan
from tests.pipelines.test_runner import AFTER, SFT, Notes, Writer

SHORT = {"max_new_tokens": 4, "pass_k": 0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A plan whose LoRA stage and evaluation are done."""
    folder = tmp_path_factory.mktemp("made")
    rows = [{"prompt": f"{n} + 1 =", "completion": str(n + 1), "reference": str(n + 1)} for n in range(80)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = {
        "version": 1,
        "name": "p",
        "model": {"name": str(tiny_model), "tuning": "lora"},
        "data": {"train": "rows.jsonl", "split": {"test": 0.4, "validation": 0.0}},
        "graders": {"answer": {"type": "numeric"}},
        "metric": "answer",
        "evaluation": SHORT,
        "stages": [SFT | {"learning_rate": 1e-2}, AFTER],
    }
    (folder / "plan.yaml").write_text(json.dumps(plan))
    loaded = load_plan(folder / "plan.yaml")
    assert run_plan(loaded, default_run_folder(loaded), Options(), Notes()) == DONE
    return folder


@pytest.fixture
def finished(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "plan.yaml"


def test_the_exported_folder_is_the_measured_model_and_says_so(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = (tmp_path / "runs").iterdir()
    for job in run.glob("stages/*/job.json"):  # the run was copied: its plan lies elsewhere now
        job.write_text(json.dumps({**json.loads(job.read_text()), "plan": str(finished)}))
    assert run_command(["export", str(run), "--to", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "wrote" in shown
    assert "the model and adapter/" in shown
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    (trained,) = tmp_path.glob("runs/*/stages/sft-*/model")
    expected = AutoModelForCausalLM.from_pretrained(trained, dtype=torch.float32).state_dict()
    assert model.dtype == torch.bfloat16
    assert all(torch.equal(tensor, expected[name].bfloat16()) for name, tensor in model.state_dict().items())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.chat_template
    stops = GenerationConfig.from_pretrained(tmp_path / "out").eos_token_id
    assert tokenizer.eos_token_id in (stops if isinstance(stops, list) else [stops])
    config = json.loads((tmp_path / "out/adapter/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == load_plan(finished).plan.model.name
    record = json.loads((tmp_path / "out/export.json").read_text())
    assert record["parity"]["logprob_difference"] < 0.01
    assert record["parity"]["answers"] > 10
    assert "model.safetensors" in record["files"]
    card = (tmp_path / "out/README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers")
    assert "SHA-256 of the plan" in card
    assert (tmp_path / "out/Modelfile").read_text().startswith("FROM .\n")
    assert run_command(["export", str(finished), "--to", str(tmp_path / "out"), "--dtype", "fp32"]) == 0


def test_a_model_that_is_not_the_measured_one_is_not_put_in_place(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(chosen: Chosen, dtype: str, folder: Path) -> None:
        write.write_model(chosen, dtype, folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
        with torch.no_grad():
            model.get_output_embeddings().weight.mul_(-1)
        model.save_pretrained(folder)

    monkeypatch.setattr(exporting, "write_model", damaged)
    assert run_command(["export", str(finished), "--to", str(tmp_path / "out")]) == 3
    assert "NOT exported: log-probabilities differ by" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.unproven").is_dir()


def test_what_cannot_be_exported_is_said(
    write_plan: Writer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(SFT, AFTER, evaluation=SHORT)
    assert run_command(["export", str(plan), "--to", str(tmp_path / "out")]) == 1
    assert "no stage that leaves the model is done: sft, it has not run yet" in capsys.readouterr().err
    assert run_command(["export", str(plan), "--to", str(tmp_path / "out"), "--stage", "after"]) == 1
    assert "`after` is no stage that leaves a model" in capsys.readouterr().err


def test_another_folder_is_not_overwritten_and_a_missing_converter_is_named(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    assert run_command(["export", str(finished), "--to", str(tmp_path / "mine")]) == 1
    assert "there is something else already" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    assert run_command(["export", str(finished), "--to", str(tmp_path / "out"), "--gguf"]) == 1
    assert "llama.cpp's convert_hf_to_gguf.py is not here" in capsys.readouterr().err
