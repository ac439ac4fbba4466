"""What a plan's stages need on this machine beside the package itself; asked before the first stage runs."""

import importlib.util
from pathlib import Path

from graders.errors import UserError
from pipelines.plan import Plan, Training


def require_engines(plan: Plan) -> None:
    """Raises UserError when a stage samples with vLLM, weights are to be quantised, or a tracker is to be told, and
    this machine cannot.
    """
    _require_qlora(plan)
    _require_trackers(plan)
    stages = [stage.name for stage in plan.stages if getattr(stage, "sampling", None) == "vllm"]
    if not stages:
        return
    lacking = [] if importlib.util.find_spec("vllm") else ["vLLM is not installed"]
    lacking += [] if Path("/dev/nvidia0").exists() else ["there is no GPU"]
    if lacking:
        happened = f"stage `{stages[0]}` samples with vllm, but {' and '.join(lacking)}"
        raise UserError(happened, "vLLM and a GPU", "pip install vllm, or leave `sampling` out of the stage")


def _require_trackers(plan: Plan) -> None:
    lacking = [name for name in plan.report_to if importlib.util.find_spec(name) is None]
    if lacking:
        happened = f"report_to: {lacking[0]} is not installed"
        raise UserError(happened, fix=f"pip install {' '.join(lacking)}, or take it out of report_to")


def _require_qlora(plan: Plan) -> None:
    if plan.model.tuning != "qlora" or not any(isinstance(stage, Training) for stage in plan.stages):
        return
    if importlib.util.find_spec("bitsandbytes") is None or not Path("/dev/nvidia0").exists():
        raise UserError(
            "tuning: qlora needs bitsandbytes and a GPU", fix="pip install 'finetune-advisor[qlora]', or tuning: lora"
        )
