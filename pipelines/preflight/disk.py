"""Disk: what all stages that are to run leave and need while they run, against what is free for the run's folder.

A stage keeps its model in fp32 (4 bytes a parameter) and with LoRA the adapter. While it trains it keeps the best
weights (imitation also those it began with), and two checkpoints, a third while that is written: the weights that are
trained with AdamW's two states, 12 bytes a trained parameter (PPO: values too).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from graders.errors import UserError
from pipelines.plan import SFT, RejectionSampling, RewardModel, Stage
from pipelines.preflight.look import Look, StageLook
from pipelines.preflight.record import Line, amber, green, red
from pipelines.preflight.subject import Subject, gib
from pipelines.state import steps

CHECKPOINTS = 3
TIGHT = 0.8
"""Share of the free space above which answers, grades and logs may not fit any more. Ours."""


def lines(subject: Subject) -> Iterator[Line]:
    """The largest sum at any time."""
    if subject.look is None or not subject.stages:
        return
    needed, left = peak_bytes(subject), free_bytes(subject.run_folder)
    said = f"{gib(needed)} for all stages together (models {gib(_kept(subject))}), {gib(left)} are free"
    fix = "make room, --out on another disk, or fewer stages"
    if needed > left:
        yield red("disk", said, "room for checkpoints and models", fix)
    elif needed > TIGHT * left:
        yield amber("disk", said, fix, needed / 2**30)
    else:
        yield green("disk", said, needed / 2**30, "GiB")


def free_bytes(folder: Path) -> int:
    """Where the folder lies, or will lie."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


def peak_bytes(subject: Subject) -> int:
    """Models of the stages before, with the working space of the one that runs."""
    assert subject.look is not None
    kept, most = 0, 0
    stages = {stage.name: stage for stage in subject.plan.stages}
    for one in _to_run(subject):
        stage = stages[one.stage]
        most = max(most, kept + _working(stage, one.tuning, subject.look) + _left(stage, one.tuning, subject.look))
        kept += _left(stage, one.tuning, subject.look)
    return most


def _kept(subject: Subject) -> int:
    assert subject.look is not None
    stages = {stage.name: stage for stage in subject.plan.stages}
    return sum(_left(stages[one.stage], one.tuning, subject.look) for one in _to_run(subject))


def _to_run(subject: Subject) -> list[StageLook]:
    """Without those that are done: what they left is on the disk already."""
    try:
        done = {step.stage.name for step in steps(subject.loaded, subject.run_folder) if step.record() is not None}
    except UserError:  # a hub that is out of reach: told by another line
        done = set()
    return [one for one in subject.stages if one.stage not in done]


def _left(stage: Stage, tuning: str, look: Look) -> int:
    members = stage.ensemble if isinstance(stage, RewardModel) else 1
    adapter = 0 if tuning == "full" else 4 * look.trained_by_lora
    return members * (4 * look.parameters + adapter)


def _working(stage: Stage, tuning: str, look: Look) -> int:
    trained = look.parameters if tuning == "full" else look.trained_by_lora
    learners = 2 if stage.type == "ppo" else 1
    rounds = 2 if isinstance(stage, RejectionSampling) and stage.rounds > 1 else 0  # the best one's and the last one's
    measured = 2 if isinstance(stage, SFT | RejectionSampling) else 1  # the best weights, and those of the start
    return CHECKPOINTS * learners * 12 * trained + measured * 4 * trained + rounds * 4 * look.parameters
