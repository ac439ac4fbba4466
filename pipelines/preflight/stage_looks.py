"""What a stage will do with these rows: read as pipelines/preflight/amounts.py says, sized by pipelines/sized.py.

In: the plan, the stage, the model's shape, the split. Out: a StageLook for a stage that trains, and lines on rows that
are too long, answers that people still owe, and whatever the stage would refuse.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graders.errors import UserError
from pipelines import sampling
from pipelines.data.rows import Split
from pipelines.drift import MOST_ROWS as MOST_DRIFT_ROWS
from pipelines.job import Job, Progress
from pipelines.keep_best import MOST_ROWS
from pipelines.memory import Step, memory
from pipelines.models import Policy, resolve_tuning
from pipelines.plan import DPO, GRPO, KTO, PPO, Evaluate, Label, Plan, Probe, RewardModel, Stage
from pipelines.preflight.amounts import AMOUNTS, Amount, At, answers_at_most, by_length
from pipelines.preflight.look import MemoryLook, StageLook
from pipelines.preflight.record import Line, amber, of_error
from pipelines.sized import SIZED, Sized, answers_per_prompt, sampled_at_once
from pipelines.sizing import ModelFacts
from pipelines.training import device, model_facts, require_room


@dataclass(frozen=True, slots=True)
class Looked:
    """stage: None where it trains nothing, or cannot be sized."""

    stage: StageLook | None
    lines: tuple[Line, ...]


def looked_at(plan: Plan, stage: Stage, base: Path, known: tuple[Policy, Split], with_rows: bool) -> Looked:
    """What the stage refuses becomes a red line. known: the model's shape, and the rows."""
    answers = _answers_file(plan, stage, base)
    if answers is not None and not answers.exists():
        said = f"waits for people's answers: there is no {answers.name} yet, so its size is not known"
        return Looked(
            None, (amber("batch", said, "finetune-advisor label PLAN, once run has sampled", stage=stage.name),)
        )
    job = Job(plan, stage.name, base, base, known[0].where, None, Progress(Path(os.devnull)), answers)
    at = At(job, *known, with_rows)
    try:
        if stage.type not in AMOUNTS:
            _require_fitting_answers(at, stage)
            return Looked(None, ())
        amount = AMOUNTS[stage.type](at, stage)
        return Looked(_stage_look(at, stage, amount), tuple(_too_long(stage, amount)))
    except UserError as error:
        return Looked(None, (of_error("batch", error, stage.name),))


def _answers_file(plan: Plan, stage: Stage, base: Path) -> Path | None:
    """Of the label stage that a stage of preferences reads: the newest before it."""
    earlier = plan.stages[: plan.stages.index(stage)]
    named = [other for other in earlier if isinstance(other, Label)]
    reads = isinstance(stage, DPO | KTO | RewardModel)
    return base / named[-1].answers if reads and named else None


def _require_fitting_answers(at: At, stage: Stage) -> None:
    asked = at.job.plan.evaluation.max_new_tokens if isinstance(stage, Evaluate) else None
    if isinstance(stage, Probe | Label):
        asked = stage.max_new_tokens
    require_room(asked or answers_at_most(at), at.policy)


def _stage_look(at: At, stage: Any, amount: Amount) -> StageLook:
    facts = model_facts(at.policy)
    tuning = resolve_tuning(at.job.plan.model, facts.num_parameters)
    size = SIZED[stage.type](stage, facts, tuning, amount.data, device(at.job.plan.model))
    step = Step(
        size.batch.micro,
        size.longest,
        size.batch.accumulation > 1,
        sampled_at_once(stage, facts, size, 0, sampling.room()),
        **_shared(stage, facts, amount),
    )
    return StageLook(
        stage=stage.name,
        type=stage.type,
        tuning=tuning,
        rows=size.rows,
        left_out=amount.left_out,
        longest=size.longest,
        tokens=round(size.epochs * amount.tokens),
        new_tokens=amount.new_tokens,
        per_step=size.per_step,
        micro=size.batch.micro,
        accumulation=size.batch.accumulation,
        steps=size.steps,
        epochs=size.epochs,
        learning_rate=size.learning_rate,
        memory=_memory(facts, size, replace(step, sampled=_sampled(at, stage, facts, size)), _prompts(at)),
        trial_bytes=_memory(facts, size, step, _tried(size)).peak,
        row_numbers=by_length(at, stage, amount),
    )


def _prompts(at: At) -> int:
    """That the KL of DPO and KTO is measured on."""
    return min(MOST_DRIFT_ROWS, len(at.split.validation.rows) or len(at.split.train.rows))


def _tried(size: Sized) -> int:
    """Rows of a trial: two steps of at most two micro-batches."""
    return 2 * size.batch.micro * min(2, size.batch.accumulation)


def _shared(stage: Stage, facts: ModelFacts, amount: Amount) -> dict[str, int]:
    """GRPO and PPO read a prompt once for its answers, but not with layers that are computed twice."""
    if not isinstance(stage, GRPO | PPO) or facts.checkpointing:
        return {}
    return {"group": answers_per_prompt(stage), "prompt": amount.data.longest - (amount.new_tokens or 0)}


def _memory(facts: ModelFacts, size: Sized, step: Step, prompts: int) -> MemoryLook:
    found = memory(facts.shape, size.way, replace(step, scored=prompts * size.longest))
    return MemoryLook(
        held=found.held,
        activations=found.activations,
        output=found.output,
        gradients=found.gradients,
        sampling=found.sampling,
        saving=found.saving,
        step=found.step,
        peak=found.peak,
    )


def _sampled(at: At, stage: Any, facts: ModelFacts, size: Sized) -> int:
    """Answers to the validation rows that keep the best weights count, where a grader measures them."""
    measured = at.job.plan.metric in at.job.plan.graders
    kept = min(MOST_ROWS, len(at.split.validation.rows)) if measured else 0
    return sampled_at_once(stage, facts, size, kept, sampling.room())


def _too_long(stage: Stage, amount: Amount) -> list[Line]:
    if not amount.left_out:
        return []
    share = amount.left_out / (amount.left_out + amount.data.rows)
    said = f"{amount.left_out:,} rows ({share:.1%}) are longer than the limit and are left out, never cut"
    return [amber("length", said, "shorten them, or raise the limit of the stage", amount.left_out, stage.name)]
