"""What happens between the stages: gates that stop a run by themselves, and where to go on when a number comes out bad.

Each edge belongs to pipelines with one of its methods.
"""

from advisor.rules.kinds import Edge
from advisor.rules.sources import AWS, FIREWORKS, GAO, INSTRUCT_HARM, OPENAI_RFT, OURS, R1, REFT, RFT_YUAN, SWIFT

EDGES: tuple[Edge, ...] = (
    Edge(
        "starved",
        ("grpo", "reft"),
        "the probe before it finds answers of different score on under 5 % of the prompts",
        "warm up with SFT, or take easier prompts or a bigger model, and probe again",
        (OPENAI_RFT, AWS, FIREWORKS),
        gate=True,
    ),
    Edge(
        "saturated",
        ("grpo", "reft"),
        "the probe before it finds over 95 % of the answers right",
        "stop, or take harder prompts: RL has little left to teach",
        (AWS, OPENAI_RFT),
        gate=True,
    ),
    Edge(
        "sft_made_it_worse",
        ("sft",),
        "the model after SFT scores below the base",
        "train the base on its own answers that pass the grader, in place of others' answers (in the plan `type: "
        "rejection_sampling` with `demonstrations: left_out` for `type: sft`), or decide anew by what the base does: "
        "init --probe --force",
        (SWIFT, INSTRUCT_HARM),
        gate=True,
        when=lambda f: f.gradable,
    ),
    Edge(
        "rft_flat",
        ("grpo", "reft"),
        "the reward does not rise, or the metric after it shows no gain",
        "rejection_sampling: it learns from the same answers by imitation, and needs no spread within a group",
        (RFT_YUAN, REFT),
    ),
    Edge(
        "sft_flat",
        ("sft",),
        "SFT gains, and the learning curve over its rows has flattened",
        "practise against the grader (grpo), starting from the SFT model",
        (REFT,),
        when=lambda f: f.gradable,
    ),
    Edge(
        "rejection_sampling_flat",
        ("rejection_sampling",),
        "a round keeps nothing new, or the metric stops rising",
        "grpo, which also learns from the wrong answers, or answers of a stronger model",
        (R1, RFT_YUAN),
    ),
    Edge(
        "reward_model_fails",
        ("reward_model", "ppo", "best_of_n"),
        "the reward model does not beat length alone and the majority on held-out pairs",
        "collect more pairs, or have the disputed ones compared again: finetune-advisor preferences audit",
        (GAO, OURS),
        gate=True,
    ),
    Edge(
        "over_optimised",
        ("ppo", "dpo", "kto"),
        "the reward rises while the metric falls",
        "the checkpoint before the fall; compare more pairs of the new model's own answers",
        (GAO,),
    ),
)
