"""How much a stage reads of these rows: their numbers and tokens, prepared as the stage itself prepares them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from graders.errors import UserError
from pipelines.data.formats import sft_examples
from pipelines.data.render import encode, encode_prompt
from pipelines.data.rows import Row, Rows, Split
from pipelines.job import Job
from pipelines.models import Policy
from pipelines.online import fitting
from pipelines.plan import DPO, GRPO, KTO, PPO, SFT, RejectionSampling, RewardModel, Stage
from pipelines.preferences.examples import pair_examples, thumb_examples
from pipelines.preferences.pairs import load_pairs
from pipelines.preferences.thumbs import load_thumbs
from pipelines.sized import Data, answers_per_prompt
from pipelines.training import answer_limit, model_facts


@dataclass(frozen=True, slots=True)
class Amount:
    """What one pass holds. left_out: rows that are too long. tokens: of all rows together, answers included."""

    data: Data
    left_out: int
    tokens: int
    new_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class At:
    """A stage with what it reads."""

    job: Job
    policy: Policy
    split: Split
    with_rows: bool


def answers_at_most(at: At) -> int:
    return answer_limit(at.split.train.rows, at.policy, at.job.plan.model.template_args)


def _sft(at: At, stage: SFT) -> Amount:
    limit = stage.max_length or model_facts(at.policy).context
    plan = at.job.plan
    found = sft_examples(at.split.train, at.policy.tokenizer, limit, plan.model.template_args, plan.data.balance)
    lengths = [len(example["input_ids"]) for example in found.examples]
    return Amount(Data(len(lengths), max(lengths)), len(found.too_long), sum(lengths))


def _rejection_sampling(at: At, stage: RejectionSampling) -> Amount:
    """As if every prompt gave as many right and distinct answers as may be kept, each as long as it may be. The rows'
    own answers are trained on beside them."""
    new_tokens = stage.max_new_tokens or answers_at_most(at)
    prompts = _prompt_lengths(at.split.train, at)
    context = model_facts(at.policy).context
    own = [_shown_tokens(at, row) for row in stage.imitated(at.split.train.rows)]
    fitting = [length for length in own if length <= context]
    longest = min(context, max([max(prompts) + new_tokens, *fitting]))
    rows = len(fitting) + stage.max_kept_per_prompt * len(prompts)
    kept = stage.max_kept_per_prompt * sum(min(length + new_tokens, context) for length in prompts)
    return Amount(Data(rows, longest), len(own) - len(fitting), sum(fitting) + kept, new_tokens)


def _shown_tokens(at: At, row: Row) -> int:
    """Of a row with its demonstration."""
    tokenizer, args = at.policy.tokenizer, at.job.plan.model.template_args
    return len(encode(tokenizer, row.messages, row.answer, args, row.tools).input_ids)


def _pairs(at: At, stage: DPO) -> Amount:
    limit = stage.max_length or model_facts(at.policy).context
    rows = load_pairs(at.job).train
    found = pair_examples(rows, at.policy.tokenizer, limit, at.job.plan.model.template_args)
    tokens = sum(
        2 * len(one["prompt_ids"]) + len(one["chosen_ids"]) + len(one["rejected_ids"]) for one in found.examples
    )
    return Amount(Data(len(found.examples), found.longest), len(found.too_long), tokens)


def _thumbs(at: At, stage: KTO) -> Amount:
    limit = stage.max_length or model_facts(at.policy).context
    rows = load_thumbs(at.job).train
    found = thumb_examples(rows, at.policy.tokenizer, limit, at.job.plan.model.template_args)
    tokens = sum(len(one["prompt_ids"]) + len(one["completion_ids"]) for one in found.examples)
    return Amount(Data(len(found.examples), found.longest), len(found.too_long), tokens)


def _reward_model(at: At, stage: RewardModel) -> Amount:
    from pipelines.reward_model_checks import held_apart
    from reward_models.examples import encode_pairs

    learned = held_apart(load_pairs(at.job, with_ties=True), stage.margins).learned
    context = model_facts(at.policy).context
    found = encode_pairs(learned, at.policy.tokenizer, context)
    if not found.examples:
        raise UserError(f"every pair exceeds the model's context of {context} tokens", "shorter conversations")
    sides = [(len(one["chosen_ids"]), len(one["rejected_ids"])) for one in found.examples]
    return Amount(Data(len(sides), max(map(max, sides))), len(found.too_long), sum(map(sum, sides)))


def _online(at: At, stage: GRPO | PPO) -> Amount:
    new_tokens = stage.max_new_tokens or answers_at_most(at)
    kept, longest = fitting(at.split.train, at.policy, at.job, new_tokens)
    per_prompt = answers_per_prompt(stage)
    tokens = per_prompt * sum(length + new_tokens for length in _prompt_lengths(kept, at))
    left_out = len(at.split.train.rows) - len(kept.rows)
    return Amount(Data(len(kept.rows), longest + new_tokens), left_out, tokens, new_tokens)


def _prompt_lengths(rows: Rows, at: At) -> list[int]:
    args = at.job.plan.model.template_args
    return [len(encode_prompt(at.policy.tokenizer, row.messages, args)) for row in rows.rows]


AMOUNTS: Mapping[str, Callable[..., Amount]] = {
    "sft": _sft,
    "rejection_sampling": _rejection_sampling,
    "dpo": _pairs,
    "kto": _thumbs,
    "reward_model": _reward_model,
    "grpo": _online,
    "ppo": _online,
}
"""Stage type → what it reads."""


def by_length(at: At, stage: Stage, amount: Amount) -> tuple[int, ...]:
    """Numbers of the training rows that fit, the longest first; none where nobody wants them."""
    if at.job.rows is not None or not at.with_rows:
        return ()  # they are people's answers, not rows of the plan
    lengths = {row.number: _tokens(at, stage, row) + (amount.new_tokens or 0) for row in at.split.train.rows}
    longest = amount.data.longest
    return tuple(
        sorted((number for number, length in lengths.items() if 0 < length <= longest), key=lambda n: -lengths[n])
    )


def _tokens(at: At, stage: Stage, row: Row) -> int:
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
