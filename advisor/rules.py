"""The rules of the decision as data. Order matters; each rule has its reason and where it was published.

`OUTCOMES` is read top to bottom: the first rule that holds and whose outcome no veto forbids decides. `STAGES` then
builds the pipeline, in order. `CAUTIONS` add warnings. `CHANGES` are tried one by one to say what would change the
advice. To add a rule, add one entry. Reasons are format strings over `f`, the Facts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from advisor.facts import Facts, Outcome

Method = Literal["sft", "rejection_sampling", "grpo", "dpo", "kto", "reward_model", "ppo", "best_of_n"]

PREDIBASE = "Predibase, chart and blog on when to choose RFT over SFT (February 2025)"
FIREWORKS = "Fireworks cookbook, skills/fireworks-training/references/choose-method.md"
OPENAI_RFT = "OpenAI, reinforcement fine-tuning guide"
OPENAI_DPO = "OpenAI cookbook, choosing between SFT, DPO and RFT"
AZURE = "Microsoft azure-skills, finetuning/training-types.md"
AWS = "AWS, reinforcement fine-tuning of Nova models"
REFT = "ReFT, arXiv 2401.08967"
RFT_YUAN = "RFT of Yuan et al., arXiv 2308.01825"
CLS_RL = "CLS-RL, reinforcement learning for few-shot image classification"
UNPACKING = "Ivison et al. 2024, Unpacking DPO and PPO, arXiv 2406.09279"
GAO = "Gao et al. 2022, Scaling Laws for Reward Model Overoptimization, arXiv 2210.10760"
WEBGPT = "WebGPT, arXiv 2112.09332"
KTO_PAPER = "KTO, arXiv 2402.01306"
INSTRUCT_HARM = "github.com/tum-ai/number-token-loss issue 75"
OURS = "this tool's own judgement; no published threshold was found"

FEW_LABELS, MANY_LABELS = 100, 100_000
"""Predibase's thresholds. The chart leaves the values themselves open: exactly 100 and exactly 100,000 belong to the
middle here ("< 100" and "> 100k" read as written)."""
FEW_PROMPTS = 100  # AWS asks for at least 100 training prompts before RL
SHORT_HOURS = 1.0
FEW_PAIRS = 300  # ours: Azure's range for DPO begins at 500, OpenAI's advice at thousands
MANY_UNPAIRED = 1000  # ours: PPO's merit over DPO is that it also learns from prompts that nobody compared answers to


def _suits_ppo(f: Facts) -> bool:
    """A reward model that can be trusted, and many prompts that only it can teach on."""
    return f.reward_model and f.pairs >= FEW_PAIRS and f.unpaired >= MANY_UNPAIRED


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `when` holds, `outcome` is advised."""

    id: str
    when: Callable[[Facts], bool]
    outcome: Outcome
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Veto:
    """Where `when` holds, `forbids` is out, whatever the rules say."""

    id: str
    when: Callable[[Facts], bool]
    forbids: Outcome
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StageRule:
    """Where the outcome is among `outcomes` and `when` holds, the pipeline gets `method` next."""

    id: str
    outcomes: tuple[Outcome, ...]
    when: Callable[[Facts], bool]
    method: Method
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caution:
    """Where the outcome is among `outcomes` and `when` holds, the record carries this warning."""

    id: str
    outcomes: tuple[Outcome, ...]
    when: Callable[[Facts], bool]
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Another world to try the decision in."""

    text: str
    apply: Callable[[Facts], Facts]


OUTCOMES: tuple[Rule, ...] = (
    Rule(
        "no_labels_verifiable",
        lambda f: f.labels == 0 and f.verifiable,
        "rft",
        "No row has a right answer to imitate, but a program can tell right from wrong: learn from the grader.",
        (PREDIBASE, FIREWORKS),
    ),
    Rule(
        "no_labels_not_verifiable",
        lambda f: f.labels == 0 and not f.verifiable,
        "rlhf",
        "No row has a right answer and no program can check one: only people's preferences can teach this.",
        (PREDIBASE, FIREWORKS),
    ),
    Rule(
        "many_labels",
        lambda f: f.labels > MANY_LABELS,
        "sft",
        "{f.labels:,} labelled rows are more than 100,000: imitation is enough and cheaper.",
        (PREDIBASE,),
    ),
    Rule(
        "few_labels_no_reasoning",
        lambda f: f.labels < FEW_LABELS and f.reasoning_helps is False,
        "sft",
        "Reasoning does not help here, and {f.labels:,} labelled rows are under 100. The sources differ: Predibase's "
        "chart says RFT below 100 whatever the task, and CLS-RL found RL without thinking ahead on few-shot "
        "classification; Fireworks says SFT where reasoning does not help. SFT is the simpler one to try first.",
        (PREDIBASE, FIREWORKS, CLS_RL),
    ),
    Rule(
        "few_labels",
        lambda f: f.labels < FEW_LABELS,
        "rft",
        "{f.labels:,} labelled rows are under 100: too few to imitate, while a grader makes a lesson of every attempt.",
        (PREDIBASE,),
    ),
    Rule(
        "reasoning_helps",
        lambda f: f.reasoning_helps is True,
        "rft",
        "Thinking step by step helps on this task: RFT rewards the reasoning that leads to right answers.",
        (PREDIBASE, FIREWORKS, REFT),
    ),
    Rule(
        "reasoning_does_not_help",
        lambda f: f.reasoning_helps is False,
        "sft",
        "{f.labels:,} labelled rows, and reasoning is not needed: imitate the answers.",
        (PREDIBASE, FIREWORKS),
    ),
    Rule(
        "reasoning_unknown",
        lambda f: f.reasoning_helps is None,
        "sft",
        "{f.labels:,} labelled rows, and nobody knows whether reasoning helps: start with the simple method and "
        "go further only when the numbers ask for it.",
        (FIREWORKS, AZURE),
    ),
    Rule("can_imitate", lambda f: f.labels > 0, "sft", "There are {f.labels:,} answers to imitate.", (AZURE,)),
    Rule("can_grade", lambda f: f.verifiable, "rft", "A program can score answers.", (AZURE, OPENAI_RFT)),
    Rule("can_rank", lambda f: f.preferences > 0, "rlhf", "There are {f.preferences:,} preferences.", (AZURE,)),
    Rule("no_signal", lambda _: True, "collect", "There is nothing yet that a model could learn from.", (AZURE,)),
)

VETOES: tuple[Veto, ...] = (
    Veto(
        "nothing_to_imitate",
        lambda f: not f.imitable,
        "sft",
        "SFT is out: no row has an answer to imitate.",
        (PREDIBASE,),
    ),
    Veto(
        "no_prompts", lambda f: f.prompts == 0, "rft", "RFT is out: there are no prompts to practise on.", (FIREWORKS,)
    ),
    Veto(
        "not_verifiable",
        lambda f: not f.verifiable,
        "rft",
        "RFT is out: nothing can grade an answer, so there would be no reward.",
        (OPENAI_RFT, PREDIBASE),
    ),
    Veto(
        "no_grader",
        lambda f: f.verifiable and f.grader is None,
        "rft",
        "RFT is out for now: no grader of this version can score these answers{f.grader_problem}.",
        (OPENAI_RFT,),
    ),
    Veto(
        "tools",
        lambda f: f.tools > 0,
        "rft",
        "RFT is out: {f.tools:,} rows use tools, and this version practises on plain text only.",
        (OURS,),
    ),
    Veto(
        "no_preferences",
        lambda f: f.preferences == 0,
        "rlhf",
        "RLHF is out: there are no preferences (pairs of a better and a worse answer, or thumbs).",
        (FIREWORKS, AZURE),
    ),
)

STAGES: tuple[StageRule, ...] = (
    StageRule(
        "imitate",
        ("sft",),
        lambda _: True,
        "sft",
        "SFT on the {f.labels:,} labelled rows, with loss on their answers alone.",
        (PREDIBASE,),
    ),
    StageRule(
        "warm_up_new_format",
        ("rft",),
        lambda f: f.imitable and f.format_new is True,
        "sft",
        "SFT first: the task or its format is new to the model, and RL can only reward what the model already "
        "does now and then.",
        (OPENAI_RFT, AWS, REFT),
    ),
    StageRule(
        "warm_up_demonstrations",
        ("rft",),
        lambda f: f.imitable and f.format_new is None and f.demonstrations,
        "sft",
        "SFT first: the rows show worked steps, and a warm-up on such steps is how ReFT starts.",
        (REFT,),
    ),
    StageRule(
        "few_prompts",
        ("rft",),
        lambda f: f.prompts < FEW_PROMPTS,
        "rejection_sampling",
        "Rejection sampling, not GRPO: {f.prompts:,} prompts are under the 100 that RL wants.",
        (AWS, RFT_YUAN),
    ),
    StageRule(
        "few_hours",
        ("rft",),
        lambda f: f.prompts >= FEW_PROMPTS and f.hours is not None and f.hours < SHORT_HOURS,
        "rejection_sampling",
        "Rejection sampling, not GRPO: it samples once, which fits into {f.hours:g} hours better.",
        (OURS,),
    ),
    StageRule(
        "practise",
        ("rft",),
        lambda f: f.prompts >= FEW_PROMPTS and (f.hours is None or f.hours >= SHORT_HOURS),
        "grpo",
        "GRPO: the model answers each of {f.prompts:,} prompts several times, and the grader's score teaches it.",
        (REFT, OPENAI_RFT),
    ),
    StageRule(
        "imitate_preferred",
        ("rlhf",),
        lambda f: f.preferences > 0,
        "sft",
        "SFT first, on the preferred answers: preference training should start from a model that writes such answers.",
        (OPENAI_DPO,),
    ),
    StageRule(
        "prefer_pairs",
        ("sft", "rft", "rlhf"),
        lambda f: f.pairs >= FEW_PAIRS and not _suits_ppo(f),
        "dpo",
        "Preferences last: DPO on the {f.pairs:,} pairs, which needs no reward model.",
        (OPENAI_DPO, AZURE),
    ),
    StageRule(
        "reward_of_few_pairs",
        ("rlhf",),
        lambda f: 0 < f.pairs < FEW_PAIRS,
        "reward_model",
        "{f.pairs:,} pairs are under 300, too few to train the model on: a reward model on them, if it passes its "
        "gate, can still choose among answers. Better collect more: Azure's range for DPO is 500 to 5,000.",
        (AZURE, OURS),
    ),
    StageRule(
        "best_of_few_pairs",
        ("rlhf",),
        lambda f: 0 < f.pairs < FEW_PAIRS,
        "best_of_n",
        "Best-of-n: several answers, of which the reward model takes one. It trains nothing, so it spoils nothing, and "
        "WebGPT gained more by it than by RL.",
        (WEBGPT,),
    ),
    StageRule(
        "reward_of_pairs",
        ("sft", "rft", "rlhf"),
        _suits_ppo,
        "reward_model",
        "The reward model on the {f.pairs:,} pairs, behind its gate.",
        (UNPACKING,),
    ),
    StageRule(
        "practise_preferences",
        ("sft", "rft", "rlhf"),
        _suits_ppo,
        "ppo",
        "PPO, not DPO: a good reward model also teaches on the {f.unpaired:,} prompts that have no pair; with such a "
        "model PPO did better than DPO on the same pairs.",
        (UNPACKING,),
    ),
    StageRule(
        "prefer_thumbs",
        ("sft", "rft", "rlhf"),
        lambda f: f.pairs == 0 and f.thumbs > 0,
        "kto",
        "Preferences last: KTO on the {f.thumbs:,} answers marked good or bad; it needs no pairs.",
        (KTO_PAPER, FIREWORKS),
    ),
)

CAUTIONS: tuple[Caution, ...] = (
    Caution(
        "bare_answers_warm_up",
        ("rft",),
        lambda f: f.imitable and not f.demonstrations and f.format_new is True and f.reasoning_helps is True,
        "Careful: the rows hold bare answers, so the SFT stage also teaches answering without reasoning. Rows with "
        "worked steps would be better.",
        (REFT,),
    ),
    Caution(
        "bare_answers_sft",
        ("sft",),
        lambda f: not f.demonstrations and f.reasoning_helps is True,
        "Careful: the rows hold bare answers while reasoning helps; SFT teaches answering without reasoning.",
        (REFT,),
    ),
    Caution(
        "no_warm_up",
        ("rft",),
        lambda f: f.demonstrations and f.format_new is False,
        "No SFT before it: the model knows task and format, and imitating others' answers has made instruct models "
        "worse.",
        (INSTRUCT_HARM,),
    ),
    Caution(
        "guessable",
        ("rft",),
        lambda f: f.guess_rate >= 0.2,
        "Careful: one constant answer is right on {f.guess_rate:.0%} of the rows, so wrong reasoning is often "
        "rewarded. ReFT gained nothing on multiple choice.",
        (OPENAI_RFT, REFT),
    ),
    Caution(
        "very_few_labels",
        ("sft",),
        lambda f: f.labels < 50,
        "Careful: {f.labels:,} rows are few; under 50 Microsoft advises to collect more before any fine-tuning.",
        (AZURE,),
    ),
    Caution(
        "few_pairs_unused",
        ("sft", "rft"),
        lambda f: 0 < f.pairs < FEW_PAIRS,
        "The {f.pairs:,} pairs are under 300 and left out: too few for DPO.",
        (AZURE, OURS),
    ),
    Caution(
        "reward_model_alone",
        ("sft", "rft", "rlhf"),
        _suits_ppo,
        "Careful: a policy learns to please a reward model. The metric must not be the one that trains.",
        (GAO,),
    ),
    Caution(
        "no_gpu",
        ("sft", "rft", "rlhf"),
        lambda f: f.model != "starter" and f.gpu_gib == 0,
        "Careful: no GPU was named or found; training {f.model} on a CPU is slow or impossible.",
        (OURS,),
    ),
)

CHANGES: tuple[Change, ...] = (
    Change(
        "with fewer than 100 labelled rows",
        lambda f: replace(f, labels=FEW_LABELS - 1) if f.labels >= FEW_LABELS else f,
    ),
    Change("with 100 labelled rows", lambda f: replace(f, labels=FEW_LABELS) if f.labels < FEW_LABELS else f),
    Change(
        "with more than 100,000 labelled rows",
        lambda f: replace(f, labels=MANY_LABELS + 1) if FEW_LABELS <= f.labels <= MANY_LABELS else f,
    ),
    Change("if thinking step by step helps", lambda f: replace(f, reasoning_helps=True)),
    Change("if thinking step by step does not help", lambda f: replace(f, reasoning_helps=False)),
    Change(
        "if a grader could score the answers",
        lambda f: f if f.gradable else replace(f, verifiable=True, grader="custom"),
    ),
    Change("if nothing could grade the answers", lambda f: replace(f, verifiable=False)),
    Change("if the task or its format is new to the model", lambda f: replace(f, format_new=True)),
    Change("if the model already knows task and format", lambda f: replace(f, format_new=False)),
    Change("with pairs of better and worse answers", lambda f: f if f.preferences else replace(f, pairs=1000)),
    Change("with fewer than 300 pairs", lambda f: replace(f, pairs=FEW_PAIRS - 1) if f.pairs >= FEW_PAIRS else f),
    Change("with 500 pairs", lambda f: replace(f, pairs=500) if 0 < f.pairs < FEW_PAIRS else f),
    Change(
        "if a reward model had passed its gate, and a thousand prompts had no pair",
        lambda f: replace(f, reward_model=True, unpaired=max(f.unpaired, MANY_UNPAIRED)),
    ),
    Change("with fewer than 100 prompts", lambda f: replace(f, prompts=min(f.prompts, FEW_PROMPTS - 1))),
)

COLLECT: tuple[tuple[Callable[[Facts], bool], str], ...] = (
    (
        lambda f: f.prompts == 0,
        "prompts: 200 to 500 different ones, as users really write them (Fireworks); at least 100 to train on and 100 "
        "to test on (AWS)",
    ),
    (
        lambda f: f.verifiable and f.grader is None,
        "a reference answer in each row that one of the graders here can compare with",
    ),
    (
        lambda f: not f.gradable,
        "answers: 50 to 5,000 rows with an answer as you want it (Azure), worked steps included where they matter",
    ),
    (
        lambda f: not f.verifiable and f.preferences == 0,
        "preferences: 500 to 5,000 pairs of a better and a worse answer to the same prompt (Azure)",
    ),
)
