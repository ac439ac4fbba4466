"""The wheel works outside the checkout, and a user's own folders of the same names do not win."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """finetune-advisor from a wheel, in an environment that sees this one's libraries."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*wheel, str(ROOT)], check=True, cwd=folder)
    venv.create(folder / "env", with_pip=False)
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "libraries.pth").write_text(libraries + "\n")
    (path,) = folder.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile", "--prefix"]
    subprocess.run([*install, str(folder / "env"), "--ignore-installed", str(path)], check=True, cwd=folder)
    return folder / "env" / "bin" / "finetune-advisor"


def test_the_wheel_runs_a_plan_beside_folders_named_like_its_own(tool: Path, tmp_path: Path) -> None:
    for name in ("pipelines", "graders", "advisor"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the user own folder was imported')\n")
    (tmp_path / "rows.csv").write_text(
        "question,answer\n" + "".join(f"What is {i} plus {i + 1}?,{2 * i + 1}\n" for i in range(60))
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    for command in (["init", "--data", "rows.csv", "--yes", "--no-probe"], ["run", "plan.yaml", "--until", "base"]):
        done = subprocess.run(
            [str(tool), *command], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
    assert "Only the base model was evaluated" in done.stdout
    assert list((tmp_path / "runs").glob("*/report.md"))
