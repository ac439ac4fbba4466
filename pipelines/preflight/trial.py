"""Some real steps of each stage that trains, in a child: what `check --one-step` and `--time` measure.

A trial is the plan with one stage, few rows and few steps. For memory they are the longest rows and two optimizer
steps, since AdamW's states exist from the second on, of at most two micro-batches, since gradients exist from the
second on; RL samples and learns from whole batches. For time they are rows as they come, and whole steps.
"""

import json
import math
import random
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipelines.data.rows import Role, Row, Rows
from pipelines.data.spec import DataSpec, SplitSpec
from pipelines.plan import GRPO, KTO, PPO, Plan, RewardModel, Stage
from pipelines.preflight import children, trial_child
from pipelines.preflight.look import StageLook
from pipelines.preflight.measured import Measured, Use
from pipelines.preflight.subject import Subject
from pipelines.sized import answers_per_prompt, updates_per_generation

TIMED = 3
_ROLES: tuple[Role, ...] = ("completion", "reference", "chosen", "rejected", "desirable")


def measure(subject: Subject, look: StageLook, use: Use) -> Measured:
    """Runs a trial. Raises UserError with what the stage refuses, and ChildFailed where it died."""
    stage = next(stage for stage in subject.plan.stages if stage.name == look.stage)
    with tempfile.TemporaryDirectory(prefix="finetune-advisor-trial-") as name:
        folder = Path(name)
        train = _rows(subject.split.train, stage, look, use)
        write_rows(folder / "train.jsonl", train)
        write_rows(folder / "test.jsonl", subject.split.test.rows[:1])
        plan = trial_plan(subject.plan, stage, look, use, _spec(folder, train))
        request = {
            "plan": plan.model_dump(mode="json"),
            "base": str(subject.loaded.folder),
            "stage": stage.name,
            "folder": name,
            "cycle": cycle(stage),
        }
        return Measured.model_validate(children.run(trial_child.__file__, request))


def cycle(stage: Stage) -> int:
    """Optimizer steps from one round of sampling to the next; 1 where none is sampled."""
    if isinstance(stage, PPO):
        return stage.epochs_per_step
    return updates_per_generation(stage) if isinstance(stage, GRPO) else 1


def trial_plan(plan: Plan, stage: Stage, look: StageLook, use: Use, data: DataSpec) -> Plan:
    """The plan with this stage alone, its sizes written down as they were resolved, and few steps."""
    return plan.model_copy(update={"stages": (_few_steps(stage, look, use),), "data": data, "processes": 1})


def _few_steps(stage: Stage, look: StageLook, use: Use) -> Stage:
    steps = num_steps(stage, use)
    if isinstance(stage, GRPO | PPO):
        batches = steps // stage.epochs_per_step if isinstance(stage, PPO) else steps
        given = {"steps": batches, "prompts_per_step": look.per_step // answers_per_prompt(stage)}
        return stage.model_copy(update={**given, "max_new_tokens": look.new_tokens})
    size = examples_a_step(look, use)
    trainer = {**getattr(stage, "trainer", {}), "max_steps": steps}
    return stage.model_copy(update={"batch_size": size, "epochs": float(steps * size), "trainer": trainer})


def num_steps(stage: Stage, use: Use) -> int:
    """Of the optimizer: two for memory; for time one round of sampling to warm up, then as many rounds as TIMED."""
    length = cycle(stage)
    rounds = math.ceil(2 / length) if use == "memory" else 1 + math.ceil(TIMED / length)
    return length * rounds


def examples_a_step(look: StageLook, use: Use) -> int:
    """Of a stage that samples none, in one process."""
    return look.micro * (look.accumulation if use == "time" else min(2, look.accumulation))


def _rows(train: Rows, stage: Stage, look: StageLook, use: Use) -> list[Row]:
    """As many as the steps take, where there are so many; those that fit alone."""
    fitting = set(look.row_numbers)
    rows = {row.number: row for row in train.rows if row.number in fitting}
    most = num_rows(stage, look, use)
    if use == "time":
        return random.Random(0).sample(list(rows.values()), min(most, len(rows)))
    ordered = [rows[number] for number in look.row_numbers if number in rows]
    if not isinstance(stage, KTO) or not any(row.is_marked for row in ordered):
        return ordered[:most]
    good, bad = ([row for row in ordered if row.desirable is marked] for marked in (True, False))
    return [*good[: max(1, most // 2)], *bad[: max(1, most // 2)]]


def num_rows(stage: Stage, look: StageLook, use: Use) -> int:
    """Rows that a trial takes; a reward model holds a fifth of them back."""
    if isinstance(stage, GRPO):
        return look.per_step // stage.group_size * cycle(stage)
    if isinstance(stage, PPO):
        return look.per_step // answers_per_prompt(stage)
    taken = num_steps(stage, use) * examples_a_step(look, use)
    return 2 * taken if isinstance(stage, RewardModel) else taken


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """As they were read, so that no column is guessed again; a row's own columns stay beside, for the graders."""
    kept = list(rows)
    roles = _roles_of(kept)
    path.write_text("".join(json.dumps(_written(row, roles), default=str) + "\n" for row in kept), encoding="utf-8")


def _roles_of(rows: Sequence[Row]) -> list[Role]:
    """Those that some row fills. Where answers call tools they stand in the conversation, as its last turn."""
    kept = [role for role in _ROLES if any(getattr(row, role) is not None for row in rows)]
    return [role for role in kept if role != "completion" or not any(row.tool_calls for row in rows)]


def _written(row: Row, roles: Sequence[Role]) -> dict[str, Any]:
    told = {_column(role): getattr(row, role) for role in roles if getattr(row, role) is not None}
    turns = [dict(turn) for turn in row.messages]
    if "completion" not in roles and row.demonstration is not None and row.chosen is None:
        turns.append(dict(row.answer))
    return {**row.columns, _column("messages"): turns, **told}


def _column(role: Role) -> str:
    return f"trial {role}"


def _spec(folder: Path, rows: Sequence[Row]) -> DataSpec:
    columns: dict[Role, str] = {role: _column(role) for role in ("messages", *_roles_of(rows))}
    train, test = (str(folder / name) for name in ("train.jsonl", "test.jsonl"))
    split = SplitSpec(validation=0.0, test=0.0)
    return DataSpec(train=train, test=test, columns=columns, placeholders="keep", split=split)
