"""What following an advice takes, before anything runs: tokens from the rows, hours from the machine.

Tokens follow from the rows and from the sizes that a plan without numbers gets (pipelines/sizing.py). Hours are a
formula's, mostly right within a factor of three (docs/experiments.md); `check --time` measures.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.decide import Decision
from advisor.hardware import Speed, speed
from advisor.profile import DataProfile
from advisor.rules.kinds import Method
from graders.errors import UserError
from pipelines import sizing
from pipelines.plan import GRPO, Evaluation, ModelSpec, RejectionSampling
from pipelines.preflight.hours import told
from pipelines.sources import locate

REASONING_TOKENS = 256
"""Of an answer that is to be reasoned, where no row shows how: GSM8K's solutions have 100 to 300."""
WIDE = 4096
"""The hidden size of a model of which only the name is known: no small one's extra passes."""
_SIZE_IN_NAME = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([bm])(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ModelSize:
    """parameters: of all weights. hidden: width of a layer."""

    parameters: int
    hidden: int


@dataclass(frozen=True, slots=True)
class Cost:
    """trained: tokens forward and backward through the model, each pass counted. sampled: tokens written, those of
    evaluations included. hours: None where the model's size or the machine's speed is not known."""

    trained: int
    sampled: int
    hours: float | None = None


@dataclass(frozen=True, slots=True)
class Costed:
    """An advice in a few words, and what it takes."""

    advice: str
    cost: Cost

    @property
    def tokens(self) -> str:
        """The same on every machine."""
        return f"{self.advice}: {_amount(self.cost.trained)} tokens trained on, {_amount(self.cost.sampled)} sampled"

    @property
    def hours(self) -> str:
        """With the time, where it is known."""
        return self.tokens if self.cost.hours is None else f"{self.tokens}: about {told(self.cost.hours)}"


def _amount(tokens: int) -> str:
    """Two digits: no more are known."""
    for unit, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if tokens >= unit:
            return f"{float(f'{tokens / unit:.2g}'):g} {letter}"
    return str(tokens)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Those that are trained on. labels: to imitate. prompt, answer: tokens of a typical one. hidden: of the model.
    shared: whether RL reads a prompt once for its group (pipelines/shared_prompts.py)."""

    prompts: int
    labels: int
    pairs: int
    thumbs: int
    prompt: int
    answer: int
    hidden: int
    shared: bool

    @property
    def both(self) -> int:
        """Tokens of a prompt with its answer."""
        return self.prompt + self.answer


def costs(decision: Decision, profile: DataProfile, labels: int, folder: Path) -> tuple[Costed, ...]:
    """Of the advice, then of the runner-up, on this machine. labels: rows to imitate. folder: where a model's
    relative path starts."""
    runner_up = decision.runner_up
    found = [decision.stages] if runner_up is None else [decision.stages, runner_up.stages]
    facts, size = decision.facts, model_size(decision.facts.model, folder)
    here = None if size is None else speed()
    reasons = facts.reasoning_helps is True and not facts.demonstrations
    return tuple(
        Costed(" → ".join(methods), cost(methods, profile, min(labels, profile.num_rows), reasons, size, here))
        for methods in found
    )


def cost(
    methods: Sequence[Method],
    profile: DataProfile,
    labels: int,
    reasons: bool,
    size: ModelSize | None,
    machine: Speed | None,
) -> Cost:
    """Of these training methods one after another, each evaluated, the base model too. labels: rows to imitate.
    reasons: whether answers are to be reasoned where the rows show the last line alone."""
    learned = 1.0 if profile.num_train is None else profile.num_train / profile.num_rows
    rows = _Rows(
        prompts=round(profile.num_prompts * learned),
        labels=round(labels * learned),
        pairs=round(profile.num_pairs * learned),
        thumbs=round(profile.num_thumbs * learned),
        prompt=profile.prompt_tokens,
        answer=answer_tokens(profile, reasons),
        hidden=size.hidden if size else WIDE,
        shared=size is not None and not sizing.is_checkpointed(size.parameters),
    )
    amounts = [_AMOUNTS[method](rows) for method in methods]
    tests, evaluation = profile.num_test or 0, Evaluation()
    answered = min(tests, evaluation.rows) + evaluation.pass_k * min(tests, evaluation.pass_k_rows)
    trained = sum(trained for trained, _ in amounts)
    sampled = sum(sampled for _, sampled in amounts) + (1 + len(methods)) * answered * rows.answer
    if size is None or machine is None:
        return Cost(round(trained), round(sampled))
    seconds = machine.seconds(size.parameters, trained, sampled, stages=1 + len(methods))
    return Cost(round(trained), round(sampled), seconds / 3600)


def answer_tokens(profile: DataProfile, reasons: bool) -> int:
    """Of a typical answer of the model. reasons: it may reason where the rows show the last line alone."""
    return max(1, profile.answer_tokens, REASONING_TOKENS if reasons else 0)


def _sft(rows: _Rows) -> tuple[float, float]:
    return _imitated(rows.labels, rows) * rows.both, 0.0


def _imitated(number: int, rows: _Rows) -> float:
    """Rows that pass through the model, over all epochs."""
    return number * sizing.sft_epochs(number, sizing.sft_batch_size(number), rows.hidden)


def _rejection_sampling(rows: _Rows) -> tuple[float, float]:
    """As if half of what may be kept were."""
    answers = RejectionSampling.model_fields["samples_per_prompt"].default * rows.prompts
    kept = RejectionSampling.model_fields["max_kept_per_prompt"].default * rows.prompts // 2
    return _imitated(kept + rows.labels, rows) * rows.both, answers * rows.answer


def _grpo(rows: _Rows) -> tuple[float, float]:
    per_step = sizing.grpo_prompts_per_step(rows.prompts)
    prompts = sizing.grpo_steps(rows.prompts, per_step) * per_step
    answers = prompts * GRPO.model_fields["group_size"].default
    return (prompts if rows.shared else answers) * rows.prompt + answers * rows.answer, answers * rows.answer


def _ppo(rows: _Rows) -> tuple[float, float]:
    """Two answers a prompt, two passes over each, through two models."""
    per_step = sizing.ppo_prompts_per_step(rows.prompts)
    prompts = sizing.ppo_steps(rows.prompts, per_step) * per_step
    answers = 2 * prompts
    read = prompts if rows.shared else answers
    return 4 * (read * rows.prompt + answers * rows.answer), answers * rows.answer


def _reward_model(rows: _Rows) -> tuple[float, float]:
    return 2 * rows.pairs * sizing.reward_model_epochs(rows.pairs) * rows.both, 0.0


def _dpo(rows: _Rows) -> tuple[float, float]:
    """The reference model's pass is a third of a pass forward and backward."""
    return 4 / 3 * 2 * rows.pairs * sizing.preference_epochs(rows.pairs) * rows.both, 0.0


def _kto(rows: _Rows) -> tuple[float, float]:
    marked = rows.thumbs or 2 * rows.pairs
    return 4 / 3 * marked * sizing.preference_epochs(marked) * rows.both, 0.0


def _best_of_n(_rows: _Rows) -> tuple[float, float]:
    """Nothing is trained, and its evaluation is counted with the others."""
    return 0.0, 0.0


_AMOUNTS: Mapping[Method, Callable[[_Rows], tuple[float, float]]] = {
    "sft": _sft,
    "rejection_sampling": _rejection_sampling,
    "grpo": _grpo,
    "reft": _ppo,
    "ppo": _ppo,
    "reward_model": _reward_model,
    "dpo": _dpo,
    "kto": _kto,
    "best_of_n": _best_of_n,
}


def model_size(name: str, folder: Path) -> ModelSize | None:
    """Of a model that lies here, from its files' headers; of a hub id, from a size in its name, such as 0.6B. None
    where neither tells. Loads nothing, and asks no network."""
    try:
        where = Path(locate(ModelSpec(name=name), folder))
    except UserError:
        return None
    if where.is_dir():
        return _of_files(where)
    found = _SIZE_IN_NAME.search(name.replace("-", " ").replace("_", " ").replace("/", " "))
    if found is None:
        return None
    parameters = round(float(found[1]) * (1e9 if found[2] in "bB" else 1e6))
    return ModelSize(parameters, WIDE) if parameters else None


def _of_files(folder: Path) -> ModelSize | None:
    from safetensors import SafetensorError

    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        parameters = sum(map(_parameters, folder.glob("*.safetensors")))
    except (OSError, ValueError, SafetensorError):
        return None
    hidden = config.get("hidden_size") if isinstance(config, dict) else None
    return ModelSize(parameters, hidden if isinstance(hidden, int) else WIDE) if parameters else None


def _parameters(path: Path) -> int:
    from safetensors import safe_open

    with safe_open(path, framework="np") as tensors:
        return sum(math.prod(tensors.get_slice(key).get_shape()) for key in tensors.keys())  # noqa: SIM118 - no mapping
