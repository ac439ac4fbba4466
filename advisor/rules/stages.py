"""The pipeline of a family: every rule that holds puts its method next, each method once, in this order."""

from advisor.facts import Facts
from advisor.rules.families import MANY_LABELS
from advisor.rules.kinds import StageRule
from advisor.rules.sources import (
    AWS,
    AZURE,
    DEEPSEEK_MATH,
    FIREWORKS,
    INSTRUCT_HARM,
    KTO_PAPER,
    OPENAI_DPO,
    OPENAI_RFT,
    OURS,
    PREDIBASE,
    REFT,
    REGRET,
    RFT_YUAN,
    SWIFT,
    TULU,
    UNPACKING,
    WARM_UP,
    WEBGPT,
)

FEW_PROMPTS = 100  # AWS asks for at least 100 training prompts before RL
SHORT_HOURS = 1.0
NEARLY_SOLVED = 0.88  # the highest base score of the published RFT cases
FEW_PAIRS = 300  # ours: Azure's range for DPO begins at 500, OpenAI's advice at thousands
MANY_UNPAIRED = 1000  # ours: PPO's merit over DPO is that it also learns from prompts that nobody compared answers to


def _few_prompts(f: Facts) -> bool:
    return f.prompts is not None and f.prompts < FEW_PROMPTS


def _short_from_nothing(f: Facts) -> bool:
    """Little time, and a model that must first be warmed up: RL finds too few right answers in it to learn from."""
    return f.hours is not None and f.hours < SHORT_HOURS and f.at_floor


def suits_ppo(f: Facts) -> bool:
    """A reward model that can be trusted, and many prompts that only it can teach on."""
    return f.reward_model and f.pairs >= FEW_PAIRS and f.unpaired >= MANY_UNPAIRED


STAGES: tuple[StageRule, ...] = (
    StageRule(
        "imitate",
        ("sft",),
        lambda _: True,
        "sft",
        "SFT on {f.counted_rows}, with loss on their answers alone.",
        (PREDIBASE,),
    ),
    StageRule(
        "warm_up_floor",
        ("rft",),
        lambda f: f.imitable and f.at_floor,
        "sft",
        "SFT first: the model gets {f.base_score:.1%} right now, and RL rewards only what it does now and then. Probe "
        "again after it.",
        (OPENAI_RFT, AWS),
    ),
    StageRule(
        "imitate_many",
        ("rft",),
        lambda f: f.imitable and f.labels is not None and f.labels > MANY_LABELS and not f.at_floor,
        "sft",
        "SFT first, on {f.counted_rows}: most of what there is to learn stands in them.",
        (DEEPSEEK_MATH, TULU),
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
        "warm_up_well_shown",
        ("rft",),
        lambda f: f.well_shown,
        "sft",
        "SFT first, although the model knows the task: on many worked answers it got further than RL alone. Where "
        "validation rows show that it does harm, as it did to instruct models, it leaves the model as it was.",
        (WARM_UP, SWIFT, INSTRUCT_HARM),
    ),
    StageRule(
        "warm_up_demonstrations",
        ("rft",),
        lambda f: f.imitable and f.format_new is None and f.demonstrations is True,
        "sft",
        "SFT first: the rows show worked steps, and a warm-up on such steps is how ReFT starts.",
        (REFT,),
    ),
    StageRule(
        "few_prompts",
        ("rft",),
        _few_prompts,
        "rejection_sampling",
        "Rejection sampling, not GRPO: {f.prompts:,} prompts are under the 100 that RL wants.",
        (AWS, RFT_YUAN),
    ),
    StageRule(
        "few_hours",
        ("rft",),
        lambda f: not _few_prompts(f) and _short_from_nothing(f),
        "rejection_sampling",
        "Rejection sampling, not GRPO: the model gets {f.base_score:.1%} right now, and in {f.hours:g} hours imitating "
        "one's own right answers gets further from there than RL on them.",
        (REGRET, RFT_YUAN),
    ),
    StageRule(
        "practise",
        ("rft",),
        lambda f: not _few_prompts(f) and not _short_from_nothing(f),
        "grpo",
        "GRPO: the model answers each prompt several times, and the grader's score teaches it.",
        (REFT, OPENAI_RFT),
    ),
    StageRule(
        "imitate_preferred",
        ("rlhf",),
        lambda f: f.preferred or f.imitable,
        "sft",
        "SFT first, on the preferred answers: preference training should start from a model that writes such answers.",
        (OPENAI_DPO,),
    ),
    StageRule(
        "prefer_pairs",
        ("sft", "rft", "rlhf"),
        lambda f: f.pairs >= FEW_PAIRS and not suits_ppo(f),
        "dpo",
        "Preferences last: DPO on the {f.pairs:,} pairs, which needs no reward model.",
        (OPENAI_DPO, AZURE),
    ),
    StageRule(
        "prefer_uncounted",
        ("sft", "rlhf"),
        lambda f: f.preferences == 0 and f.compared and not f.verifiable,
        "dpo",
        "Preferences last: DPO, which needs no reward model. Nobody said how many pairs there are; from 300 it pays.",
        (OPENAI_DPO, AZURE),
    ),
    StageRule(
        "prefer_when_collected",
        ("rlhf",),
        lambda f: not f.preferred,
        "dpo",
        "Once they are collected: DPO on the pairs, which needs no reward model.",
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
        suits_ppo,
        "reward_model",
        "The reward model on the {f.pairs:,} pairs, behind its gate.",
        (UNPACKING,),
    ),
    StageRule(
        "practise_preferences",
        ("sft", "rft", "rlhf"),
        suits_ppo,
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
