"""What the README shows is true: its plan loads, its commands and options exist, its tables name all there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from graders.union import GRADERS
from pipelines.plan_file import STAGE_MODELS, load_plan

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_plan_in_the_readme_loads(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "plan.yaml").write_text(block)
    assert [stage.type for stage in load_plan(tmp_path / "plan.yaml").plan.stages] == [
        "evaluate",
        "sft",
        "grpo",
        "evaluate",
    ]


def test_the_tables_name_every_stage_and_every_grader() -> None:
    first_cells = re.findall(r"^\| (`[^|]+) \|", README, re.MULTILINE)
    assert {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} == {*STAGE_MODELS, *GRADERS}


@pytest.mark.parametrize(
    "command",
    sorted(set(re.findall(r"^finetune-advisor ((?:(?:grade|preferences|launch) )?[\w-]+)", README, re.MULTILINE))),
)
def test_every_command_of_the_readme_has_the_options_it_is_shown_with(command: str) -> None:
    code = "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
    asked = [sys.executable, "-c", code, *command.split(), "--help"]
    shown = subprocess.run(asked, capture_output=True, text=True, check=True)
    for line in re.findall(rf"^finetune-advisor {command} (.*)$", README, re.MULTILINE):
        for option in re.findall(r"--[a-z-]+", line.split("#")[0]):
            assert option in shown.stdout, f"{command} has no {option}"


def test_the_make_targets_of_the_readme_exist() -> None:
    makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\w+)", README, re.MULTILINE)
    assert targets == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
