"""The examples for CI: they parse, and call the tool with options that it has."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CI = Path(__file__).parents[1] / "examples" / "ci"
FILES = sorted(CI.glob("*.yml"))


def scripts(value: Any) -> list[str]:
    """Every shell script in a workflow or pipeline."""
    if isinstance(value, dict):
        own = [value[key] for key in ("run",) if isinstance(value.get(key), str)]
        listed = [line for key in ("script", "before_script") for line in value.get(key, [])]
        return own + listed + [text for inner in value.values() for text in scripts(inner)]
    return [text for inner in value for text in scripts(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_example_calls_run_with_options_that_it_has(path: Path) -> None:
    found = scripts(yaml.safe_load(path.read_text(encoding="utf-8")))
    (command,) = [line for text in found for line in text.splitlines() if "finetune-advisor run" in line]
    code = "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
    shown = subprocess.run([sys.executable, "-c", code, "run", "--help"], capture_output=True, text=True, check=True)
    options = set(re.findall(r"--[a-z-]+", command))
    assert {"--junit", "--events"} <= options
    assert all(option in shown.stdout for option in options)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_scripts_are_shell_that_parses(path: Path) -> None:
    found = scripts(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert len(found) >= 2
    codes = [subprocess.run([str(shutil.which("sh")), "-n", "-c", text], check=False).returncode for text in found]
    assert codes == [0] * len(found)


def test_a_shut_gate_fails_the_job_and_a_wait_does_not(tmp_path: Path) -> None:
    """GitHub's script with a tool that ends as ours would."""
    found = scripts(yaml.safe_load((CI / "github.yml").read_text(encoding="utf-8")))
    (script,) = [text for text in found if "finetune-advisor run" in text]
    for code, expected in ((0, 0), (1, 1), (3, 3), (75, 0), (130, 130)):
        tool = tmp_path / "finetune-advisor"
        tool.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit {code}\n')
        tool.chmod(0o755)
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PLAN": "plan.yaml", "UNTIL": "", "ALLOW": "after"}
        done = subprocess.run(["bash", "-e", "-c", script], env=environment, check=False)
        assert done.returncode == expected
    asked = (tmp_path / "asked").read_text().split()
    assert asked == ["run", "plan.yaml", "--junit", "gates.xml", "--events", "events.jsonl", "--allow-gate", "after"]
