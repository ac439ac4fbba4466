"""A plan's stages, each ready for a peer or left out with a reason.

Numbers that the plan leaves open are filled in by pipelines/sized.py, as the stages themselves do. Micro-batches are
those of the machine that ejects; their product with accumulation and processes is the plan's batch.
"""

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graders.errors import UserError
from graders.reward_model import RewardModel as RewardModelGrader
from graders.reward_model import is_stage
from pipelines.data.checked import load_checked, load_preferences
from pipelines.data.formats import require_text
from pipelines.data.rows import Row, Split
from pipelines.eject.examples import Learned, Reader
from pipelines.eject.kept import with_kept
from pipelines.eject.peer import Peer
from pipelines.eject.ready import Left, Ready, Start
from pipelines.job import Job, Progress
from pipelines.models import Policy, load_tokenizer, policy_shape, resolve_tuning
from pipelines.online import fitting
from pipelines.plan import GRPO, RejectionSampling, RewardModel, Stage, Training
from pipelines.plan_file import LoadedPlan
from pipelines.preferences.pairs import load_pairs
from pipelines.preferences.thumbs import load_thumbs
from pipelines.reward_model_checks import held_apart
from pipelines.sized import SIZED, Data
from pipelines.sources import locate
from pipelines.state import Step, answers_path, steps
from pipelines.training import answer_limit, device, model_facts


@dataclass(frozen=True, slots=True)
class Ejection:
    """ready, left: the stages, in order. tests: the rows that prove, of preferences too."""

    ready: tuple[Ready, ...]
    left: tuple[Left, ...]
    tests: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _At:
    """What all stages share, and those that are ready so far."""

    loaded: LoadedPlan
    peer: Peer
    policy: Policy
    own_template: bool
    split: Split
    todo: Mapping[str, Step]
    ready: dict[str, Ready]


def resolve(loaded: LoadedPlan, run_folder: Path, peer: Peer, only: str | None) -> Ejection:
    """only: the one stage that is wanted. Raises UserError where a stage cannot be read, or nothing can be ejected."""
    plan = loaded.plan
    where = locate(plan.model, loaded.folder)
    own_template = bool(load_tokenizer(where, plan.model).chat_template)
    todo = {step.stage.name: step for step in steps(loaded, run_folder)}
    _require_known(plan.stages, only)
    split = load_checked(plan.data, loaded.folder)
    at = _At(loaded, peer, policy_shape(where, plan.model), own_template, split, todo, {})
    left = []
    for stage in plan.stages:
        if only is not None and stage.name != only:
            continue
        why = _why_left(at, stage, only)
        if why is None:
            at.ready[stage.name] = _ready(at, stage)
        else:
            left.append(Left(stage, why))
    if not at.ready:
        told = "; ".join(f"{one.stage.name}: {one.why}" for one in left)
        raise UserError(
            f"nothing can be ejected to {peer.title}: {told}", "a stage that it has", where=str(loaded.path)
        )
    tests = split.test.rows
    if plan.data.preferences is not None and plan.data.test is None:  # a test file is the test part of both
        tests += load_preferences(plan.data, loaded.folder).test.rows
    return Ejection(tuple(at.ready.values()), tuple(left), tests)


def _require_known(stages: tuple[Stage, ...], only: str | None) -> None:
    names = [stage.name for stage in stages]
    if only is not None and only not in names:
        raise UserError(f"no stage is called `{only}`", f"one of {', '.join(names)}")


def _why_left(at: _At, stage: Stage, only: str | None) -> str | None:
    if not isinstance(stage, Training):
        return "measures and trains nothing; run it here, on the model that the peer leaves"
    if stage.control and only is None:
        return "an arm for comparison; name it with --stage to have it"
    if (why := at.peer.lacks(at.loaded.plan, stage)) is not None:
        return why
    step = at.todo[stage.name]
    if isinstance(stage, RejectionSampling) and with_kept(step, at.split.train) is None:
        return "samples and grades here alone; run it first, and what it kept is ejected as rows for SFT"
    if "rows" in step.sources and not answers_path(at.todo[step.sources["rows"]], at.loaded.folder).exists():
        return "learns from people's answers, and there are none yet"
    names = [name for name in (step.sources.get("policy"), _judge(at, stage)) if name is not None]
    lacking = [name for name in names if _start(at, name) is None]
    return f"begins with what `{lacking[0]}` leaves, which is neither ejected nor done in the run" if lacking else None


def _judge(at: _At, stage: Stage) -> str | None:
    """The reward model of an earlier stage that an RL stage goes by."""
    grader = at.loaded.plan.graders.get(at.loaded.plan.reward_of(stage)) if stage.type in ("grpo", "ppo") else None
    return grader.model if isinstance(grader, RewardModelGrader) and is_stage(grader.model) else None


def _start(at: _At, name: str) -> Start | None:
    """What a stage leaves: ejected before, or done in the run."""
    if name in at.ready:
        return Start(name, earlier=True, adapter=at.ready[name].tuning != "full")
    folder = at.todo[name].folder / "model"
    return Start(str(folder)) if folder.is_dir() else None


def _ready(at: _At, stage: Stage) -> Ready:
    plan, step = at.loaded.plan, at.todo[stage.name]
    source, judge = step.sources.get("policy"), _judge(at, stage)
    start = Start(at.policy.where) if source is None else _start(at, source)
    assert start is not None  # _why_left asked
    answers = answers_path(at.todo[step.sources["rows"]], at.loaded.folder) if "rows" in step.sources else None
    folder = at.loaded.folder
    job = Job(plan, stage.name, folder, folder, at.policy.where, None, Progress(Path(os.devnull)), answers)
    facts = model_facts(at.policy)
    new_tokens, known = _new_tokens(at, stage)
    limit = getattr(stage, "max_length", None) or facts.context - (new_tokens or 0)
    reader = Reader(job, at.policy, limit)
    train, held = _LEARNED[stage.type](at, stage, reader)
    if not train.examples:
        raise UserError(f"`{stage.name}` has no row of at most {limit} tokens", "rows that fit", "raise max_length")
    tuning = resolve_tuning(plan.model, facts.num_parameters)
    data = Data(len(train.examples), train.longest + (new_tokens or 0))
    size = SIZED[stage.type](stage, facts, tuning, data, device(plan.model))
    reward = None if judge is None else _start(at, judge)
    return Ready(
        plan, stage, at.policy, size, tuning, start, train, held, folder, at.own_template, new_tokens, known, reward
    )


def _new_tokens(at: _At, stage: Stage) -> tuple[int | None, bool]:
    """Tokens of a sampled answer in RL, and whether a run would take the same."""
    if stage.type not in ("grpo", "ppo"):
        return None, False
    asked = getattr(stage, "max_new_tokens", None)
    record = at.todo[stage.name].record()
    if asked is None and record is not None:
        return int(record.numbers["max_new_tokens"]), True
    rows = at.split.train.rows
    known = asked is not None or any(row.demonstration is not None for row in rows)
    return asked or answer_limit(rows, at.policy, at.loaded.plan.model.template_args), known


def _sft(at: _At, _stage: Stage, reader: Reader) -> tuple[Learned, Learned]:
    balance = at.loaded.plan.data.balance
    return reader.demonstrations(at.split.train, balance), reader.demonstrations(at.split.validation)


def _rejection_sampling(at: _At, stage: Stage, reader: Reader) -> tuple[Learned, Learned]:
    rows = with_kept(at.todo[stage.name], at.split.train)
    assert rows is not None  # _why_left asked
    return reader.demonstrations(rows, at.loaded.plan.data.balance), reader.demonstrations(at.split.validation)


def _dpo(_at: _At, _stage: Stage, reader: Reader) -> tuple[Learned, Learned]:
    split = load_pairs(reader.job)
    return reader.pairs(split.train), reader.pairs(split.validation)


def _kto(at: _At, _stage: Stage, reader: Reader) -> tuple[Learned, Learned]:
    """In the order that the stage takes, from which it draws the answers of its KL."""
    split = load_thumbs(reader.job)
    rows = split.train.rows
    mixed = split.train.only(random.Random(at.loaded.plan.seed).sample(rows, len(rows)))
    return reader.marked(mixed), reader.marked(split.validation)


def _reward_model(_at: _At, stage: RewardModel, reader: Reader) -> tuple[Learned, Learned]:
    parts = held_apart(load_pairs(reader.job, with_ties=True), stage.margins)
    return reader.conversations(parts.learned), reader.conversations(parts.held)


def _online(at: _At, _stage: GRPO, reader: Reader) -> tuple[Learned, Learned]:
    require_text(at.split.train)
    kept, _ = fitting(at.split.train, at.policy, reader.job, model_facts(at.policy).context - reader.limit)
    found = reader.prompts(kept)
    return Learned(found.examples, len(at.split.train.rows) - len(kept.rows)), reader.prompts(at.split.validation)


_LEARNED: Mapping[str, Callable[[_At, Any, Reader], tuple[Learned, Learned]]] = {
    "sft": _sft,
    "rejection_sampling": _rejection_sampling,
    "dpo": _dpo,
    "kto": _kto,
    "reward_model": _reward_model,
    "grpo": _online,
    "ppo": _online,
}
