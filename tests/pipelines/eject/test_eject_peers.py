"""LLaMA-Factory's and Axolotl's own parsers, where the Python that has one is named in the environment.

They need other versions of transformers than this tool, so each has an environment of its own:
LLAMAFACTORY_PYTHON=/…/bin/python AXOLOTL_PYTHON=/…/bin/python pytest tests/pipelines/eject
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from advisor.cli.main import run_command
from tests.pipelines.eject.conftest import Planner

PARSERS = {
    "llamafactory": """
import sys
from omegaconf import OmegaConf
from llamafactory.hparams import get_train_args
for path in sys.argv[1:]:
    config = OmegaConf.to_container(OmegaConf.load(path))
    _, _, training, _, _ = get_train_args({**config, "use_cpu": True, "bf16": False})
    print("rows a step", training.per_device_train_batch_size * training.gradient_accumulation_steps)
""",
    "axolotl": """
import sys, yaml
from axolotl.utils.config import validate_config
from axolotl.utils.dict import DictDefault
from axolotl.utils.schemas.config import AxolotlInputConfig
for path in sys.argv[1:]:
    config = yaml.safe_load(open(path))
    assert set(config) <= set(AxolotlInputConfig.model_fields), config
    found = validate_config(DictDefault(config))
    print("rows a step", found.micro_batch_size * found.gradient_accumulation_steps)
""",
}


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("peer", PARSERS)
def test_the_peers_own_parser_accepts_every_config(
    peer: str, tuning: str, plan_in: Planner, tiny_model: Path, tmp_path: Path
) -> None:
    python = os.environ.get(f"{peer.upper()}_PYTHON")
    if not python:
        pytest.skip(f"{peer.upper()}_PYTHON names no Python with {peer}")
    plan = plan_in(tmp_path, model={"name": str(tiny_model), "tuning": tuning})
    assert run_command(["eject", str(plan), "--to", peer, "--out", str(tmp_path / "out")]) == 0
    configs = sorted(path.name for path in (tmp_path / "out").glob("*.yaml") if not path.stem.endswith("-merge"))
    asked = [python, "-c", PARSERS[peer], *configs]
    done = subprocess.run(asked, cwd=tmp_path / "out", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"rows a step (\d+)", done.stdout) == ["8"] * len(configs)
