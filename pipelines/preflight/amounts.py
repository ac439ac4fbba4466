"""What a stage will do with these rows: prepared as the stage itself prepares them, and sized by pipelines/sized.py.

In: the plan, the stage, the model's shape, the split. Out: a StageLook for a stage that trains, and lines on rows that
are too long, answers that people still owe, and whatever the stage would refuse.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graders.errors import UserError
from pipelines import sampling, sized
from pipelines.data.formats import sft_examples
from pipelines.data.render import encode, encode_prompt
from pipelines.data.rows import Row, Rows, Split
from pipelines.drift import MOST_ROWS as MOST_DRIFT_ROWS
from pipelines.job import Job, Progress
from pipelines.keep_best import MOST_ROWS
from pipelines.memory import Step, memory
from pipelines.models import Policy, resolve_tuning
from pipelines.online import fitting
from pipelines.plan import DPO, GRPO, KTO, PPO, SFT, Evaluate, Label, Plan, Probe, RejectionSampling, RewardModel, Stage
from pipelines.preferences.examples import pair_examples, thumb_examples
from pipelines.preferences.pairs import load_pairs
from pipelines.preferences.thumbs import load_thumbs
from pipelines.preflight.look import MemoryLook, StageLook
from pipelines.preflight.record import Line, amber, of_error
from pipelines.sized import SIZED, Data, Sized, sampled_at_once
from pipelines.sizing import ModelFacts
from pipelines.training import answer_limit, device, model_facts, require_room


@dataclass(frozen=True, slots=True)
class Looked:
    """stage: None where it trains nothing, or cannot be sized."""

    stage: StageLook | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Amount:
    """What one pass holds. left_out: rows that are too long. tokens: of all rows together, answers included."""

    data: Data
    left_out: int
    tokens: int
    new_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class _At:
    """A stage with what it reads."""

    job: Job
    policy: Policy
    split: Split
    with_rows: bool


def looked_at(plan: Plan, stage: Stage, base: Path, known: tuple[Policy, Split], with_rows: bool) -> Looked:
    """What the stage refuses becomes a red line. known: the model's shape, and the rows."""
    answers = _answers_file(plan, stage, base)
    if answers is not None and not answers.exists():
        said = f"waits for people's answers: there is no {answers.name} yet, so its size is not known"
        return Looked(
            None, (amber("batch", said, "finetune-advisor label PLAN, once run has sampled", stage=stage.name),)
        )
    job = Job(plan, stage.name, base, base, known[0].where, None, Progress(Path(os.devnull)), answers)
    at = _At(job, *known, with_rows)
    try:
        if stage.type not in _AMOUNTS:
            _require_fitting_answers(at, stage)
            return Looked(None, ())
        amount = _AMOUNTS[stage.type](at, stage)
        return Looked(_stage_look(at, stage, amount), tuple(_too_long(stage, amount)))
    except UserError as error:
        return Looked(None, (of_error("batch", error, stage.name),))


def _answers_file(plan: Plan, stage: Stage, base: Path) -> Path | None:
    """Of the label stage that a stage of preferences reads: the newest before it."""
    earlier = plan.stages[: plan.stages.index(stage)]
    named = [other for other in earlier if isinstance(other, Label)]
    reads = isinstance(stage, DPO | KTO | RewardModel)
    return base / named[-1].answers if reads and named else None


def _require_fitting_answers(at: _At, stage: Stage) -> None:
    asked = at.job.plan.evaluation.max_new_tokens if isinstance(stage, Evaluate) else None
    if isinstance(stage, Probe | Label):
        asked = stage.max_new_tokens
    require_room(asked or _answer_limit(at), at.policy)


def _answer_limit(at: _At) -> int:
    return answer_limit(at.split.train.rows, at.policy, at.job.plan.model.template_args)


def _sft(at: _At, stage: SFT) -> _Amount:
    limit = stage.max_length or model_facts(at.policy).context
    plan = at.job.plan
    found = sft_examples(at.split.train, at.policy.tokenizer, limit, plan.model.template_args, plan.data.balance)
    lengths = [len(example["input_ids"]) for example in found.examples]
    return _Amount(Data(len(lengths), max(lengths)), len(found.too_long), sum(lengths))


def _rejection_sampling(at: _At, stage: RejectionSampling) -> _Amount:
    """As if every prompt gave as many right and distinct answers as may be kept, each as long as it may be. The rows'
    own answers are trained on beside them."""
    new_tokens = stage.max_new_tokens or _answer_limit(at)
    prompts = _prompt_lengths(at.split.train, at)
    context = model_facts(at.policy).context
    own = [_shown_tokens(at, row) for row in stage.imitated(at.split.train.rows)]
    fitting = [length for length in own if length <= context]
    longest = min(context, max([max(prompts) + new_tokens, *fitting]))
    rows = len(fitting) + stage.max_kept_per_prompt * len(prompts)
    kept = stage.max_kept_per_prompt * sum(min(length + new_tokens, context) for length in prompts)
    return _Amount(Data(rows, longest), len(own) - len(fitting), sum(fitting) + kept, new_tokens)


def _shown_tokens(at: _At, row: Row) -> int:
    """Of a row with its demonstration."""
    tokenizer, args = at.policy.tokenizer, at.job.plan.model.template_args
    return len(encode(tokenizer, row.messages, row.answer, args, row.tools).input_ids)


def _pairs(at: _At, stage: DPO) -> _Amount:
    limit = stage.max_length or model_facts(at.policy).context
    rows = load_pairs(at.job).train
    found = pair_examples(rows, at.policy.tokenizer, limit, at.job.plan.model.template_args)
    tokens = sum(
        2 * len(one["prompt_ids"]) + len(one["chosen_ids"]) + len(one["rejected_ids"]) for one in found.examples
    )
    return _Amount(Data(len(found.examples), found.longest), len(found.too_long), tokens)


def _thumbs(at: _At, stage: KTO) -> _Amount:
    limit = stage.max_length or model_facts(at.policy).context
    rows = load_thumbs(at.job).train
    found = thumb_examples(rows, at.policy.tokenizer, limit, at.job.plan.model.template_args)
    tokens = sum(len(one["prompt_ids"]) + len(one["completion_ids"]) for one in found.examples)
    return _Amount(Data(len(found.examples), found.longest), len(found.too_long), tokens)


def _reward_model(at: _At, stage: RewardModel) -> _Amount:
    from pipelines.reward_model_checks import held_apart
    from reward_models.examples import encode_pairs

    learned = held_apart(load_pairs(at.job, with_ties=True), stage.margins).learned
    context = model_facts(at.policy).context
    found = encode_pairs(learned, at.policy.tokenizer, context)
    if not found.examples:
        raise UserError(f"every pair exceeds the model's context of {context} tokens", "shorter conversations")
    sides = [(len(one["chosen_ids"]), len(one["rejected_ids"])) for one in found.examples]
    return _Amount(Data(len(sides), max(map(max, sides))), len(found.too_long), sum(map(sum, sides)))


def _online(at: _At, stage: GRPO | PPO) -> _Amount:
    new_tokens = stage.max_new_tokens or _answer_limit(at)
    kept, longest = fitting(at.split.train, at.policy, at.job, new_tokens)
    per_prompt = _per_prompt(stage)
    tokens = per_prompt * sum(length + new_tokens for length in _prompt_lengths(kept, at))
    left_out = len(at.split.train.rows) - len(kept.rows)
    return _Amount(Data(len(kept.rows), longest + new_tokens), left_out, tokens, new_tokens)


def _prompt_lengths(rows: Rows, at: _At) -> list[int]:
    args = at.job.plan.model.template_args
    return [len(encode_prompt(at.policy.tokenizer, row.messages, args)) for row in rows.rows]


_AMOUNTS: Mapping[str, Callable[..., _Amount]] = {
    "sft": _sft,
    "rejection_sampling": _rejection_sampling,
    "dpo": _pairs,
    "kto": _thumbs,
    "reward_model": _reward_model,
    "grpo": _online,
    "ppo": _online,
}


def _stage_look(at: _At, stage: Any, amount: _Amount) -> StageLook:
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
        row_numbers=_by_length(at, stage, amount),
    )


def _prompts(at: _At) -> int:
    """That the KL of DPO and KTO is measured on."""
    return min(MOST_DRIFT_ROWS, len(at.split.validation.rows) or len(at.split.train.rows))


def _tried(size: Sized) -> int:
    """Rows of a trial: two steps of at most two micro-batches."""
    return 2 * size.batch.micro * min(2, size.batch.accumulation)


def _shared(stage: Stage, facts: ModelFacts, amount: _Amount) -> dict[str, int]:
    """GRPO and PPO read a prompt once for its answers, but not with layers that are computed twice."""
    if not isinstance(stage, GRPO | PPO) or facts.checkpointing:
        return {}
    return {"group": _per_prompt(stage), "prompt": amount.data.longest - (amount.new_tokens or 0)}


def _per_prompt(stage: GRPO | PPO) -> int:
    return stage.group_size if isinstance(stage, GRPO) else sized.PPO_PER_PROMPT


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


def _sampled(at: _At, stage: Any, facts: ModelFacts, size: Sized) -> int:
    """Answers to the validation rows that keep the best weights count, where a grader measures them."""
    measured = at.job.plan.metric in at.job.plan.graders
    kept = min(MOST_ROWS, len(at.split.validation.rows)) if measured else 0
    return sampled_at_once(stage, facts, size, kept, sampling.room())


def _by_length(at: _At, stage: Stage, amount: _Amount) -> tuple[int, ...]:
    """Numbers of the training rows that fit, the longest first; none where nobody wants them."""
    if at.job.rows is not None or not at.with_rows:
        return ()  # they are people's answers, not rows of the plan
    lengths = {row.number: _tokens(at, stage, row) + (amount.new_tokens or 0) for row in at.split.train.rows}
    longest = amount.data.longest
    return tuple(
        sorted((number for number, length in lengths.items() if 0 < length <= longest), key=lambda n: -lengths[n])
    )


def _tokens(at: _At, stage: Stage, row: Row) -> int:
    """Of the row's longest text that this stage reads; 0 where it reads none."""
    args, tokenizer = at.job.plan.model.template_args, at.policy.tokenizer
    if stage.type in ("grpo", "ppo", "rejection_sampling"):
        return len(encode_prompt(tokenizer, row.messages, args, row.tools))
    if stage.type in ("dpo", "reward_model") or (stage.type == "kto" and not row.is_marked):
        texts = [row.chosen, row.rejected] if row.is_pair else []
    else:
        texts = [row.demonstration if stage.type == "sft" else row.completion]
    found = [
        len(encode(tokenizer, row.messages, text, args, row.tools).input_ids) for text in texts if text is not None
    ]
    return max(found, default=0)


def _too_long(stage: Stage, amount: _Amount) -> list[Line]:
    if not amount.left_out:
        return []
    share = amount.left_out / (amount.left_out + amount.data.rows)
    said = f"{amount.left_out:,} rows ({share:.1%}) are longer than the limit and are left out, never cut"
    return [amber("length", said, "shorten them, or raise the limit of the stage", amount.left_out, stage.name)]
