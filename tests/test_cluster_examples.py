"""The examples for clusters: their scripts call the tool on each machine with its own place, by options that it has."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

EXAMPLES = Path(__file__).parents[1] / "examples"


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
