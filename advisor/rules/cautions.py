"""Warnings that the record carries beside the advice."""

from advisor import terms
from advisor.facts import CEILING
from advisor.rules.barriers import AMBIGUOUS
from advisor.rules.kinds import Caution
from advisor.rules.sources import (
    AWS,
    AZURE,
    AZURE_NOT,
    FIREWORKS,
    GAO,
    INSTRUCT_HARM,
    MCNEMAR,
    OPENAI_DPO,
    OPENAI_RFT,
    OURS,
    REFT,
    RFT_YUAN,
    SIMPLE_RL,
    SWIFT,
)
from advisor.rules.stages import FEW_PAIRS, NEARLY_SOLVED, suits_ppo
from pipelines.evals.compare import FEWEST_PROMPTS

COARSE = 0.1  # ours: RFT gains of 10 points and more are what its papers report
GUESSABLE = 0.2  # five choices, as on MathQA where ReFT gained nothing

CAUTIONS: tuple[Caution, ...] = (
    Caution(
        "bare_answers_warm_up",
        ("rft",),
        lambda f: f.imitable and f.demonstrations is False and f.format_new is True and f.reasoning_helps is True,
        "Careful: the rows hold bare answers, so the SFT stage also teaches answering without reasoning. Rows with "
        "worked steps would be better.",
        (REFT,),
    ),
    Caution(
        "worked_alone",
        ("sft", "rft"),
        lambda f: f.imitates_worked and (f.format_new is not False or f.well_shown),
        "{f.bare:,} answers show no steps, and steps help: only the others are imitated, these are compared with "
        "(data.demonstrations: worked).",
        (REFT, OURS),
    ),
    Caution(
        "bare_answers_sft",
        ("sft",),
        lambda f: f.demonstrations is False and f.reasoning_helps is True,
        "Careful: the rows hold bare answers while reasoning helps; SFT teaches answering without reasoning.",
        (REFT,),
    ),
    Caution(
        "no_warm_up",
        ("rft",),
        lambda f: f.demonstrations is True and f.format_new is False and not f.well_shown,
        "No SFT before it: the model knows task and format, and imitating others' answers has made instruct models "
        "worse.",
        (INSTRUCT_HARM,),
    ),
    Caution(
        "guessable",
        ("rft",),
        lambda f: f.guess_rate >= GUESSABLE,
        "Careful: one constant answer is right on {f.guess_rate:.0%} of the rows, so wrong reasoning is often "
        "rewarded. ReFT gained nothing on multiple choice.",
        (OPENAI_RFT, REFT),
    ),
    Caution(
        "guessable_by_its_kind",
        ("rft",),
        lambda f: f.guess_rate < GUESSABLE and terms.chooses(f.task),
        "Careful: an answer that is one of a few can be guessed, so wrong reasoning that ends in the right choice is "
        "rewarded. ReFT gained nothing on multiple choice, and gained on the same questions with open answers: ask for "
        "the answer itself.",
        (REFT, OPENAI_RFT),
    ),
    Caution(
        "nearly_solved",
        ("rft",),
        lambda f: f.base_score is not None and NEARLY_SOLVED <= f.base_score < CEILING,
        "Careful: the model already gets {f.base_score:.0%}; gains are small from there (88.2 to 91.7 was one). Train "
        "on the harder prompts.",
        (AZURE_NOT, SIMPLE_RL),
    ),
    Caution(
        "prompt_first",
        ("sft", "rft", "rlhf"),
        lambda f: f.base_score is not None and f.prompted_score is not None and f.prompted_score > f.base_score,
        "Careful: asked in a better way, the model gets {f.prompted_score:.1%} in place of {f.base_score:.1%}. Write "
        "that prompt into the data (--prompt, --system) before you train, or training is praised for what the prompt "
        "does.",
        (FIREWORKS, AZURE_NOT),
    ),
    Caution(
        "own_samples",
        ("rft",),
        lambda f: f.base_score is not None and f.base_score >= 0.5,
        "One round of rejection sampling is no substitute here: strong models gained nothing from their own samples.",
        (RFT_YUAN,),
    ),
    Caution(
        "sft_on_instruct",
        ("sft",),
        lambda f: f.instruct is True and f.reasoning_helps is True,
        "Careful: SFT on others' worked answers has made instruct models worse (52.2 to 39.0 on MATH). Compare with "
        "the base before you keep it; training on its own filtered samples did better.",
        (SWIFT, INSTRUCT_HARM),
    ),
    Caution(
        "pleasing_uncounted",
        ("rft",),
        lambda f: f.compared and f.preferences == 0,
        "There are preferences too: with 300 pairs or more, DPO is the last polish after this.",
        (OPENAI_DPO,),
    ),
    Caution(
        "contradictions",
        ("sft", "rft"),
        lambda f: 0.02 <= f.contradictions < AMBIGUOUS,
        "Careful: {f.contradictions:.1%} of the rows ask what another row asks, and answer otherwise.",
        (OPENAI_RFT,),
    ),
    Caution(
        "very_few_labels",
        ("sft",),
        lambda f: f.labels is not None and f.labels < 50,
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
        "test_share_too_few",
        ("sft", "rft", "rlhf"),
        lambda f: f.shared and f.test_rows is not None and f.test_rows < FEWEST_PROMPTS,
        "Careful: {f.test_rows:,} test rows cannot show any gain; no claim is made here under 30, and 100 are the "
        "least that AWS asks for. Name a file of more with --test, or raise data.split.test in the plan.",
        (AWS, OURS),
    ),
    Caution(
        "test_share_small",
        ("sft", "rft", "rlhf"),
        lambda f: f.shared and (f.test_rows or 0) >= FEWEST_PROMPTS and (f.visible_gain or 0) > COARSE,
        "Careful: {f.test_rows:,} test rows show only a gain of {f.visible_gain:.0%} or more. Four times as many show "
        "half of it: name a file with --test, or raise data.split.test in the plan.",
        (MCNEMAR,),
    ),
    Caution(
        "reward_model_alone",
        ("sft", "rft", "rlhf"),
        suits_ppo,
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
