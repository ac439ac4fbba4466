"""The house keeps its shape: imports run one way, and the command line stays free of torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ["graders", "reward_models", "pipelines", "advisor"]
WORKER_ONLY = {
    "pipelines/reward_model.py",
    "pipelines/reward_model_checks.py",
    "pipelines/training.py",
    "pipelines/watch.py",
    "pipelines/keep_best.py",
    "pipelines/sft.py",
    "pipelines/grpo.py",
    "pipelines/online.py",
    "pipelines/ppo.py",
    "pipelines/ppo_math.py",
    "pipelines/ppo_trainer.py",
    "pipelines/value_model.py",
    "pipelines/grpo_trainer.py",
    "pipelines/prompt_queue.py",
    "pipelines/bell.py",
    "pipelines/rollout.py",
    "pipelines/rl_sampling.py",
    "pipelines/lean_batch.py",
    "pipelines/lean_passes.py",
    "pipelines/shared_prompts.py",
    "pipelines/dpo.py",
    "pipelines/kto.py",
    "pipelines/preference_trainers.py",
}
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "accelerate", "sklearn"}


def modules() -> list[Path]:
    return [path for package in ORDER for path in (ROOT / package).rglob("*.py")]


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    own = ORDER.index(path.relative_to(ROOT).parts[0])
    names = [name for node in ast.walk(ast.parse(path.read_text())) for name in imported(node)]
    upward = [name for name in names if name.split(".")[0] in ORDER[own + 1 :]]
    assert upward == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    if str(path.relative_to(ROOT)) in WORKER_ONLY:
        return
    names = [name for node in ast.parse(path.read_text()).body for name in imported(node)]
    assert [name for name in names if name.split(".")[0] in HEAVY] == []


@pytest.mark.parametrize(
    "command", [["--help"], ["schema"], ["status", "plan.yaml"], ["init", "--data", "rows.csv", "--yes"]]
)
def test_a_command_imports_no_torch_in_its_own_process(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        "question,answer\n" + "".join(f"What is {i} plus {i + 1}?,{2 * i + 1}\n" for i in range(60))
    )
    (tmp_path / "plan.yaml").write_text(
        "name: p\ndata: {train: rows.csv}\nmetric: a\ngraders: {a: {type: numeric}}\n"
        "stages: [{type: evaluate, name: b}]\n"
    )
    if command[0] == "init":
        (tmp_path / "plan.yaml").unlink()
    code = (
        "import sys; from advisor.cli.main import run_command; code = run_command(sys.argv[1:]);"
        "assert 'torch' not in sys.modules, 'torch was imported'; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
