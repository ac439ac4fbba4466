"""The schema of plan.yaml: a pipeline's input. Strict and frozen; every default stands here and nowhere else.

`pipelines/plan_file.py` reads and writes the file; `pipelines/sizing.py` fills what is left open (None).
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from graders.union import AnyGrader
from pipelines.alarms import AlarmName, PreferenceAlarmName
from pipelines.data.rows import Row
from pipelines.data.spec import DataSpec
from pipelines.dpo_losses import PairLoss
from pipelines.grpo_losses import Loss
from pipelines.served_spec import Served

PLAN_VERSION: Literal[1] = 1
_SCIENTIFIC = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
NAME = r"^[a-z0-9][a-z0-9_-]{0,39}$"
METRICS_WITHOUT_GRADER = ("likelihood", "preference")
Sharding = Literal["none", "fsdp2", "zero2", "zero3"]
Tracker = Literal["tensorboard", "wandb", "trackio", "mlflow"]
PromptStyle = Literal["step_by_step", "few_shot", "answer_only"]
OWN_MODEL = "model"
"""What `policy` says for the plan's own model, unless an earlier stage is called so."""
_ELSE = f"else the newest, or the plan's own, which `{OWN_MODEL}` names."
NAME_IN_WORDS = "small letters, digits, - and _, at most 40, starting with a letter or digit"


class Strict(BaseModel):
    """Frozen; an unknown key is an error, and so is a number without end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelSpec(Strict):
    """The model that the plan starts from."""

    name: str = Field("starter", description="`starter` (embedded), a model folder, or a Hugging Face id (owner/name).")
    revision: str | None = Field(None, description="Branch, tag or commit of a Hugging Face id.")
    tuning: Literal["auto", "full", "lora", "qlora"] = Field(
        "auto", description="auto: all weights under 0.5 billion parameters, LoRA above."
    )
    lora_rank: int | None = Field(None, ge=1, le=512, description="Rank of LoRA's matrices; alpha is twice that.")
    template_args: dict[str, JsonValue] = Field(
        default_factory=dict, description="Passed to the chat template everywhere, such as enable_thinking: false."
    )
    trust_remote_code: bool = Field(False, description="Run code that the model's repository brings.")


class Gate(Strict):
    """What an evaluation must reach before the stages after it may run; otherwise `run` stops with exit code 3."""

    min_pass_rate: float | None = Field(None, ge=0, le=1, description="Pass rate on test rows.")
    min_score: float | None = Field(None, ge=0, le=1, description="Mean score on test rows, partial credit included.")
    min_gain: float | None = Field(None, description="Points that the low end of the gain's interval must exceed.")
    over: Literal["base", "previous"] = Field(
        "base", description="Whom min_gain and max_drop go by: the base, or the model that this one was trained from."
    )
    max_drop: float | None = Field(
        None, ge=0, description="Points it may be worse: shut where the whole interval of the change lies below."
    )
    confidence: float = Field(
        0.95, ge=0.5, lt=1, description="Of the intervals of min_gain, max_drop and max_regression."
    )
    max_regression: float | None = Field(
        None, ge=0, description="Points that the low end of the change on `evaluation.regression` may fall below zero."
    )
    max_unscored: float | None = Field(
        None, ge=0, le=1, description="Share of answers that the grader could not judge."
    )
    max_truncated: float | None = Field(None, ge=0, le=1, description="Share of answers cut by the length limit.")
    max_kl: float | None = Field(
        None, gt=0, description="Nats an answer between the model and the one its training started from (RL, DPO, KTO)."
    )
    instead: str | None = Field(None, description="What to do when it stays shut; told with the reason.")

    @property
    def bounds(self) -> tuple[str, ...]:
        """The fields that can shut it and are set."""
        named = [name for name in type(self).model_fields if name.startswith(("min_", "max_"))]
        return tuple(name for name in named if getattr(self, name) is not None)


class Evaluation(Strict):
    """How every `evaluate` stage samples: the same for the base and every tuned model."""

    rows: int = Field(1000, ge=1, description="At most this many test rows, chosen by hash: ±3 points at 1,000.")
    max_new_tokens: int | None = Field(None, ge=1, description="Length limit of an answer; else from the data.")
    regression: str | None = Field(
        None, description="File of rows that must not get worse, such as other tasks; answered beside the test rows."
    )
    regression_metric: str | None = Field(None, description="Grader of those rows; else the metric.")
    pass_k: int = Field(8, ge=0, le=256, description="Completions per prompt for pass@k; 0 turns it off.")
    pass_k_rows: int = Field(100, ge=1, description="How many test rows pass@k is measured on.")
    temperature: float = Field(1.0, ge=0.001, description="Sampling temperature of the pass@k completions.")


class Evaluate(Strict):
    """Answers the test rows and grades them; leaves numbers."""

    type: Literal["evaluate"]
    name: str = Field(pattern=NAME)
    policy: str | None = Field(None, description=f"Stage whose model is evaluated; {_ELSE}")
    served: Served | None = Field(None, description="Instead: a model behind a server, an arm for comparison only.")
    best_of: int = Field(
        1, ge=1, le=1024, description="Sample so many answers and take the one with the highest reward; 1: greedy."
    )
    reward: str | None = Field(None, description="Grader that `best_of` goes by; else the plan's `reward`.")
    gate: Gate | None = Field(None, description="Stop here with exit code 3 unless this is reached.")


class Probe(Strict):
    """Samples answers to validation rows before RL: is there signal, and which group size uses it? Leaves numbers."""

    type: Literal["probe"]
    name: str = Field(pattern=NAME)
    policy: str | None = Field(None, description=f"Stage whose model is probed; {_ELSE}")
    served: Served | None = Field(None, description="Instead: a model behind a server.")
    reward: str | None = Field(None, description="Grader that the RL after it optimises; else the plan's `reward`.")
    rows: int = Field(100, ge=1, description="At most this many validation rows, chosen by hash.")
    samples_per_prompt: int = Field(16, ge=2, le=256, description="Answers sampled for each row.")
    temperature: float = Field(1.0, ge=0.001, description="Sampling temperature; best that of the RL after it.")
    max_new_tokens: int | None = Field(None, ge=1, description="Length limit of an answer; else from the data.")
    styles: tuple[PromptStyle, ...] = Field(
        (), description="Ask the rows in these styles too, greedily, and compare each with the rows as they are."
    )
    stop_early: bool = Field(False, description="Ask in growing parts and stop as soon as the answer is clear.")
    gate: bool = Field(False, description="Stop here with exit code 3 when the model is starved or saturated.")


class Label(Strict):
    """Samples completions for people to compare (`finetune-advisor label`); goes on when they gave enough answers."""

    type: Literal["label"]
    name: str = Field(pattern=NAME)
    policy: str | None = Field(None, description=f"Stage whose model writes; {_ELSE}")
    answers: str = Field("preferences.jsonl", description="The file of answers that the team commits.")
    prompts: int = Field(200, ge=1, description="At most so many training and validation prompts, chosen by hash.")
    completions: int = Field(2, ge=2, le=9, description="Completions to a prompt; more than 2 are ranked.")
    at_least: int = Field(100, ge=1, description="Pairs that the answers must decide before the plan goes on.")
    temperature: float = Field(1.0, ge=0.001, description="Sampling temperature.")
    max_new_tokens: int | None = Field(None, ge=1, description="Length limit of an answer; else from the data.")
    reward: str | None = Field(
        None, description="Grader, such as an earlier round's reward model: what it is least sure of is asked first."
    )

    @property
    def most_pairs(self) -> int:
        """As many as one answer to each prompt can decide."""
        return self.prompts * self.completions * (self.completions - 1) // 2


class Training(Strict):
    """What every stage that trains a model can say."""

    type: str
    name: str = Field(pattern=NAME)
    policy: str | None = Field(None, description=f"Stage whose model this starts from; {_ELSE}")
    control: bool = Field(
        False, description="An arm for comparison only: never the default input of a later stage, never the result."
    )
    learning_rate: float | None = Field(None, gt=0, description="Peak learning rate; else from the model's size.")
    same_time_as: str | None = Field(
        None, description="Stop when as much wall time was spent as by this earlier stage: a fair control."
    )
    max_minutes: float | None = Field(
        None, gt=0, description="Train so long at most; the best weights measured until then are taken."
    )
    trainer: dict[str, JsonValue] = Field(
        default_factory=dict, description="Passed to TRL's config as it is; checked against the pinned TRL."
    )

    @field_validator("trainer", mode="before")
    @classmethod
    def _read_scientific(cls, trainer: Any) -> Any:
        """YAML 1.1, which PyYAML reads, takes 1e-3 (without a point) for text."""
        if not isinstance(trainer, dict):
            return trainer
        return {key: _number(value) for key, value in trainer.items()}


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and _SCIENTIFIC.fullmatch(value) else value


class SFT(Training):
    """Supervised fine-tuning: imitate the rows that have a completion."""

    type: Literal["sft"]
    epochs: float | None = Field(None, gt=0, description="Passes over the rows; else from their number.")
    batch_size: int | None = Field(None, ge=1, description="Rows per optimizer step, over all processes.")
    max_length: int | None = Field(None, ge=8, description="Longer rows are left out and counted; else from the data.")


class RejectionSampling(Training):
    """Sample k answers a prompt, grade them, keep the right and distinct ones with the demonstrations, train; again."""

    type: Literal["rejection_sampling"]
    reward: str | None = Field(None, description="Grader that this stage optimises; else the plan's `reward`.")
    served: Served | None = Field(
        None, description="A model behind a server, such as a larger one: the first round samples from it instead."
    )
    rounds: int = Field(
        1,
        ge=1,
        le=100,
        description="At most so many; two running below the best one's metric end them, and the best counts.",
    )
    start: Literal["base", "last"] = Field(
        "base", description="What each round trains: the stage's input model anew, or the last round's model further."
    )
    keep: Literal["passing", "best"] = Field(
        "passing", description="passing: the right, distinct answers. best: each prompt's highest-scoring one."
    )
    hint: bool = Field(
        False, description="Ask prompts that were never solved again with the right answer in the prompt (STaR)."
    )
    demonstrations: Literal["left_out", "unsolved"] | None = Field(
        None,
        description="The rows' own: all are trained on. unsolved: those to prompts of which no own answer is kept. "
        "left_out: none, they are compared with.",
    )
    samples_per_prompt: int = Field(8, ge=1, description="Answers sampled for each training prompt.")
    temperature: float = Field(1.0, ge=0.001, description="Sampling temperature.")
    max_kept_per_prompt: int = Field(4, ge=1, description="At most this many right, distinct answers a prompt.")
    max_new_tokens: int | None = Field(None, ge=1, description="Length limit of an answer; else from the data.")
    epochs: float | None = Field(None, gt=0, description="Passes over what was kept; else from its size.")
    batch_size: int | None = Field(None, ge=1, description="Rows per optimizer step, over all processes.")

    def imitated(self, rows: Iterable[Row]) -> list[Row]:
        """The rows whose own demonstration it may train on beside its answers."""
        return [row for row in rows if row.demonstration is not None and self.demonstrations != "left_out"]


class GRPO(Training):
    """Group-relative policy optimisation against the reward grader."""

    type: Literal["grpo"]
    reward: str | None = Field(None, description="Grader that this stage optimises; else the plan's `reward`.")
    steps: int | None = Field(
        None, ge=1, description="Optimizer steps; else one to five passes by the prompts' number."
    )
    group_size: int = Field(8, ge=2, description="Completions per prompt (G).")
    prompts_per_step: int | None = Field(None, ge=1, description="Prompts per optimizer step.")
    loss: Loss = Field("dapo", description="Published variant of the loss, with its paper's clipping and scaling.")
    updates_per_generation: int | None = Field(
        None, ge=1, description="Optimizer steps from one round of sampling; else 1, and 4 for gspo and cispo."
    )
    kl: float = Field(0.0, ge=0, description="Weight of the KL to the stage's input policy (TRL's beta).")
    temperature: float = Field(1.0, ge=0.001, description="Sampling temperature.")
    max_new_tokens: int | None = Field(None, ge=1, description="Length limit of an answer; else from the data.")
    overlong_penalty: bool = Field(
        False, description="Take up to 1 off the reward of answers over 80 % of max_new_tokens, as DAPO does."
    )
    sampling: Literal["transformers", "vllm"] = Field("transformers", description="What samples the answers.")
    stop_on: tuple[AlarmName, ...] = Field(("no_spread", "hacking"), description="Alarms that end the training.")


class PPO(Training):
    """Proximal policy optimisation with a value model, after a warm-up by SFT: ReFT."""

    type: Literal["ppo"]
    reward: str | None = Field(None, description="Grader that this stage optimises; else the plan's `reward`.")
    steps: int | None = Field(
        None, ge=1, description="Batches of answers sampled; else as many answers as GRPO's default, at most 500."
    )
    epochs_per_step: int = Field(2, ge=1, description="Optimizer steps on each batch of answers (ReFT: 2).")
    prompts_per_step: int | None = Field(None, ge=1, description="Prompts per batch; each gets two answers.")
    kl: float = Field(0.05, ge=0, description="Weight of the KL to the stage's input policy, in the reward (ReFT).")
    gae_lambda: float = Field(0.95, ge=0, le=1, description="1 trusts the score alone, 0 the value model alone.")
    temperature: float = Field(1.0, ge=0.001, description="Sampling temperature.")
    max_new_tokens: int | None = Field(None, ge=1, description="Length limit of an answer; else from the data.")
    stop_on: tuple[AlarmName, ...] = Field(("no_spread", "hacking"), description="Alarms that end the training.")


class RewardModel(Training):
    """Learn from preference pairs to give an answer one number, and check it on held-out pairs."""

    type: Literal["reward_model"]
    method: Literal["train", "quick"] = Field(
        "train", description="train: body and head. quick: the head alone, on the frozen body, in seconds."
    )
    epochs: float | None = Field(None, gt=0, description="Passes over the pairs; else from their number.")
    batch_size: int | None = Field(None, ge=1, description="Pairs per optimizer step, over all processes.")
    ensemble: int = Field(1, ge=1, le=16, description="So many, each by its own seed; the lowest number counts.")
    margins: bool = Field(False, description="Better by more must score higher by more: column `margin` of the pairs.")
    gate: bool = Field(
        True, description="Stop here with exit code 3 unless it beats length alone and the majority on held-out pairs."
    )


class DPO(Training):
    """Direct preference optimisation on pairs of a chosen and a rejected answer; the reference is the input policy."""

    type: Literal["dpo"]
    loss: PairLoss = Field("sigmoid", description="Published variant; robust where many pairs are the wrong way round.")
    beta: float | None = Field(
        None, gt=0, description="How strongly the policy is held to its start; else the loss's published value."
    )
    label_smoothing: float | None = Field(
        None, gt=0, lt=0.5, description="For robust: share of pairs that are the wrong way round; else 0.1."
    )
    sft_weight: float = Field(
        0.0, ge=0, description="Weight of imitating the chosen answers beside it (Iterative RPO: 1)."
    )
    epochs: float | None = Field(None, gt=0, description="Passes over the pairs; else from their number.")
    batch_size: int | None = Field(None, ge=1, description="Pairs per optimizer step, over all processes.")
    max_length: int | None = Field(None, ge=8, description="Longer pairs are left out and counted; else the context.")
    stop_on: tuple[PreferenceAlarmName, ...] = Field(("overfit",), description="Alarms that end the training.")

    @model_validator(mode="after")
    def _smoothing_has_a_use(self) -> Self:
        if self.label_smoothing is not None and self.loss != "robust":
            raise ValueError("label_smoothing goes with `loss: robust` alone")
        return self


class KTO(Training):
    """Kahneman-Tversky optimisation on answers marked good or bad; without marks, on the two sides of pairs."""

    type: Literal["kto"]
    beta: float = Field(0.1, gt=0, description="How strongly the policy is held to its start.")
    epochs: float | None = Field(None, gt=0, description="Passes over the answers; else from their number.")
    batch_size: int | None = Field(None, ge=2, description="Answers per optimizer step, over all processes.")
    max_length: int | None = Field(None, ge=8, description="Longer rows are left out and counted; else the context.")
    stop_on: tuple[PreferenceAlarmName, ...] = Field(("overfit",), description="Alarms that end the training.")


Stage = Annotated[
    Evaluate | Probe | Label | SFT | RejectionSampling | GRPO | PPO | RewardModel | DPO | KTO,
    Field(discriminator="type"),
]


def reads_preferences(plan: "Plan", stage: Stage) -> bool:
    """Whether it learns from pairs or marked answers, or is measured on them."""
    return isinstance(stage, RewardModel | DPO | KTO) or (isinstance(stage, Evaluate) and plan.metric == "preference")


def is_control(stage: Stage) -> bool:
    """Whether nothing later starts from it unless it names it."""
    return isinstance(stage, Training) and stage.control


def served_by(stage: Stage) -> Served | None:
    """The server that the stage asks instead of any model of the run."""
    return stage.served if isinstance(stage, Evaluate | Probe) else None


class DecisionRecord(Strict):
    """Why the plan looks as it does; for people, nothing is computed from it."""

    outcome: Literal["sft", "rft", "rlhf", "collect", "do_not_tune"]
    advice: str | None = Field(None, description="The advice in a few words: the methods in order.")
    because: tuple[str, ...]
    sources: tuple[str, ...] = ()
    runner_up: str | None = None
    would_change: tuple[str, ...] = ()
    edges: tuple[str, ...] = Field((), description="What to do when a number comes out bad on the way.")
    costs: tuple[str, ...] = Field((), description="Tokens that the advice takes, then those of the runner-up.")


class Plan(Strict):
    """A whole plan.yaml."""

    version: Literal[1] = PLAN_VERSION
    name: str = Field(pattern=NAME, description="Names the run's folder: runs/<name>/.")
    decision: DecisionRecord | None = None
    model: ModelSpec = ModelSpec()
    data: DataSpec
    graders: dict[str, AnyGrader] = Field(default_factory=dict, description="Graders by a name of your choice.")
    reward: str | None = Field(None, description="Grader that training optimises; else the metric.")
    metric: str = Field(description="Grader that decides whether it worked, or `likelihood`, or `preference`.")
    evaluation: Evaluation = Evaluation()
    stages: tuple[Stage, ...] = Field(min_length=1, description="In order; each starts from the newest model.")
    processes: int = Field(1, ge=1, description="Processes that train, evaluate and probe together, one a GPU.")
    sharding: Sharding = Field(
        "none", description="Share weights and optimizer states out over the processes, by TRL's config of that name."
    )
    report_to: tuple[Tracker, ...] = Field((), description="Trackers that also get the numbers of every training.")
    seed: int = Field(0, ge=0, lt=2**32)
    checkpoint_minutes: float = Field(10.0, ge=0, description="How much work a killed run may lose; 0: every step.")

    def reward_of(self, stage: "Stage") -> str:
        """The name of the grader that a stage optimises."""
        return getattr(stage, "reward", None) or self.reward or self.metric

    def guards(self) -> tuple[str, ...]:
        """What confines the code that the rewards and the metric run; empty where they run none."""
        names = dict.fromkeys([*map(self.reward_of, self.stages), self.metric])
        used = [self.graders[name] for name in names if name in self.graders]
        return tuple(dict.fromkeys(guard for grader in used for guard in grader.guards()))
