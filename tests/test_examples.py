"""The examples for CI and for clusters: they parse, and call the tool with options that it has."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[1] / "examples"
CI = EXAMPLES / "ci"
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
    shown = shown_by_help("run")
    options = set(re.findall(r"--[a-z-]+", command))
    assert {"--junit", "--events"} <= options
    assert all(option in shown for option in options)


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


def shown_by_help(*command: str) -> str:
    code = "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
    asked = [sys.executable, "-c", code, *command, "--help"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def cluster_scripts() -> dict[str, str]:
    """Those that call the tool on several machines."""
    sky = yaml.safe_load((EXAMPLES / "skypilot" / "finetune.yaml").read_text(encoding="utf-8"))
    job = list(yaml.safe_load_all((EXAMPLES / "kubernetes" / "job.yaml").read_text(encoding="utf-8")))[1]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return {"skypilot": sky["run"], "kubernetes": container["args"][0]}


@pytest.mark.parametrize("name", ["skypilot", "kubernetes"])
def test_a_cluster_calls_run_on_each_machine_with_its_own_place(name: str, tmp_path: Path) -> None:
    """The script itself, with a tool that notes what it is asked."""
    tool = tmp_path / "finetune-advisor"
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/asked\n')
    tool.chmod(0o755)
    sky = {"SKYPILOT_NUM_NODES": "2", "SKYPILOT_NUM_GPUS_PER_NODE": "8", "SKYPILOT_NODE_RANK": "1"}
    places = {**sky, "SKYPILOT_NODE_IPS": "10.0.0.1\n10.0.0.2", "JOB_COMPLETION_INDEX": "1", "PLAN": "a plan.yaml"}
    subprocess.run(
        ["bash", "-euc", cluster_scripts()[name]], env={"PATH": f"{tmp_path}:/usr/bin:/bin", **places}, check=True
    )
    asked = (tmp_path / "asked").read_text().splitlines()
    given = dict(zip(asked[2::2], asked[3::2], strict=True))
    assert given.pop("--main-process-ip") in ("10.0.0.1", "finetune-0.finetune")
    numbers = {"--num-processes": "16", "--num-machines": "2", "--machine-rank": "1", "--main-process-port": "29500"}
    assert given == {"--launcher": "accelerate", **numbers}
    options = shown_by_help("run")
    assert all(option in options for option in asked[2::2])


def test_the_page_on_slurm_calls_launch_with_options_that_it_has() -> None:
    page = (EXAMPLES / "slurm.md").read_text(encoding="utf-8")
    (line,) = re.findall("^finetune-advisor launch slurm (.*)$", page, re.MULTILINE)
    options = re.findall("--[a-z-]+", line)
    assert len(options) == 5
    assert all(option in shown_by_help("launch", "slurm") for option in options)
