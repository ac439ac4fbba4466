"""What a plan's stages need on this machine beside the package itself; asked before the first stage runs."""

import importlib.util
from pathlib import Path

from graders.errors import UserError
from pipelines.plan import Plan


def require_engines(plan: Plan) -> None:
    """Raises UserError when a stage samples with vLLM and this machine has no vLLM or no GPU."""
    stages = [stage.name for stage in plan.stages if getattr(stage, "sampling", None) == "vllm"]
    if not stages:
        return
    lacking = [] if importlib.util.find_spec("vllm") else ["vLLM is not installed"]
    lacking += [] if Path("/dev/nvidia0").exists() else ["there is no GPU"]
    if lacking:
        happened = f"stage `{stages[0]}` samples with vllm, but {' and '.join(lacking)}"
        raise UserError(happened, "vLLM and a GPU", "pip install vllm, or leave `sampling` out of the stage")
