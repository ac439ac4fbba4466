"""Where a training's numbers go beside the run's folder: tensorboard, wandb, trackio or mlflow, by transformers.

Source of the names and of the environment variables: transformers' `report_to` and its integrations.
"""

import os
from typing import Any

from pipelines.job import Job
from pipelines.plan import Training

TENSORBOARD = "tensorboard"
"""Folder in the run's folder; `tensorboard --logdir` shows the curves of all its stages."""


def tracker_arguments(job: Job, stage: Training) -> dict[str, Any]:
    """Arguments of a TRL config. What the user's environment says of project and place stays as it is.

    A stage that goes on after a stop goes on in the same curve: tensorboard by its folder, wandb by its id.
    """
    plan = job.plan
    if not plan.report_to:
        return {"report_to": "none"}
    run = job.folder.parent.parent
    for name, value in {
        "TENSORBOARD_LOGGING_DIR": str(run / TENSORBOARD / job.folder.name),
        "WANDB_PROJECT": plan.name,
        "WANDB_DIR": str(run),
        "WANDB_RUN_ID": f"{plan.name}-{job.folder.name}",
        "WANDB_RESUME": "allow",
        "MLFLOW_EXPERIMENT_NAME": plan.name,
    }.items():
        os.environ.setdefault(name, value)
    return {"report_to": list(plan.report_to), "run_name": f"{plan.name}-{stage.name}", "project": plan.name}
