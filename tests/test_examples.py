"""The examples for CI: they parse, and call the tool with options that it has."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from pipelines.data.checked import load_checked, load_preferences
from pipelines.plan import Training
from pipelines.plan_file import load_plan

EXAMPLES = Path(__file__).parents[1] / "examples"
CI, STAGED = EXAMPLES / "ci", EXAMPLES / "staged"
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


def staged(tmp_path: Path) -> Path:
    """A copy of the example repository, with its rows."""
    folder = tmp_path / "staged"
    shutil.copytree(STAGED, folder, ignore=shutil.ignore_patterns("data", "runs", "model"))
    subprocess.run([sys.executable, "make_rows.py"], cwd=folder, env=_environment(), check=True)
    return folder


def _environment() -> dict[str, str]:
    """Its script finds the tool where this Python is, and this checkout's code."""
    here = Path(sys.executable).parent
    path = f"{here}:{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "PATH": path, "PYTHON": sys.executable}


def test_the_staged_plan_loads_and_its_three_methods_have_rows(tmp_path: Path) -> None:
    folder = staged(tmp_path)
    loaded = load_plan(folder / "plan.yaml")
    assert [stage.type for stage in loaded.plan.stages if isinstance(stage, Training)] == ["sft", "grpo", "dpo"]
    rows, pairs = load_checked(loaded.plan.data, folder), load_preferences(loaded.plan.data, folder)
    shown = [row for row in rows.train.rows if row.demonstration]
    assert (len(shown) > 250, len(rows.train.rows) > 600, len(rows.test.rows)) == (True, True, 500)
    assert sum(row.is_pair for row in pairs.train.rows) > 150


def test_the_staged_workflow_runs_the_script_and_keeps_what_it_leaves() -> None:
    (path,) = (STAGED / ".github" / "workflows").glob("*.yml")
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert scripts(workflow)[-1] == "./ci.sh"
    kept = workflow["jobs"]["train"]["steps"][-1]["with"]["path"].split()
    script = (STAGED / "ci.sh").read_text(encoding="utf-8")
    assert all(name in script for name in kept if "*" not in name)


@pytest.mark.soak
def test_the_staged_example_stops_at_one_gate_and_passes_the_others(tmp_path: Path) -> None:
    folder = staged(tmp_path)
    done = subprocess.run(["./ci.sh"], cwd=folder, env=_environment(), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    strict, gates = (ElementTree.parse(folder / f"{name}.xml").getroot() for name in ("strict", "gates"))
    shut = [case.get("classname") for case in strict.iter("testcase") if case.find("failure") is not None]
    assert shut == ["gate.after_sft"]
    assert not list(gates.iter("failure"))
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    skipped = {event["stage"] for event in events if event["event"] == "skipped"}
    assert {"base", "sft", "after_sft"} <= skipped
    assert (folder / "model" / "model.safetensors").is_file()
