"""Which family of methods the signal asks for: read top to bottom, the first rule that holds and that no veto forbids.

The thresholds are Predibase's chart; where it is silent or was found wrong on published cases, the rule names who says
otherwise. The benchmark benchmarks/advice.py counts how often each table agrees with what was really done.
"""

from advisor import terms
from advisor.facts import Facts
from advisor.rules.kinds import Rule, Veto
from advisor.rules.sources import (
    AWS,
    AZURE,
    CLS_RL,
    DEEPSEEK_MATH,
    FIREWORKS,
    OPENAI_RFT,
    OURS,
    PREDIBASE,
    R1,
    REFT,
    TOGETHER,
    TULU,
)

FEW_LABELS, MANY_LABELS = 100, 100_000
"""Predibase's thresholds. The chart leaves the values themselves open: exactly 100 and exactly 100,000 belong to the
middle here ("< 100" and "> 100k" read as written)."""


def _many(f: Facts) -> bool:
    return f.labels is not None and f.labels > MANY_LABELS


def _few(f: Facts) -> bool:
    return f.labels is not None and f.labels < FEW_LABELS


def _copies_a_teacher(f: Facts) -> bool:
    return f.labelled and (f.teacher is True or (f.teacher is None and terms.distils(f.task)))


FAMILIES: tuple[Rule, ...] = (
    Rule(
        "no_labels_verifiable",
        lambda f: not f.labelled and f.verifiable is True,
        "rft",
        "No row has a right answer to imitate, but a program can tell right from wrong: learn from the grader.",
        (PREDIBASE, FIREWORKS),
    ),
    Rule(
        "no_labels_preferred",
        lambda f: not f.labelled and f.preferred,
        "rlhf",
        "No row has a right answer and no program can check one, but people have said which answers they like better.",
        (PREDIBASE, FIREWORKS),
    ),
    Rule(
        "no_labels_judged",
        lambda f: not f.labelled and (f.judged is True or (f.judged is None and terms.judged(f.task))),
        "rft",
        "No row has a right answer, but a judge with a rubric can score one: practise against the judge.",
        (AZURE, TOGETHER),
    ),
    Rule(
        "no_labels_unknown",
        lambda f: not f.labelled and f.verifiable is None and not terms.pleases(f.task),
        "rft",
        "Nobody said that there are answers to imitate or preferences: of the three signals a grader is the one that "
        "can be written without collecting anything. Whether one can be written decides.",
        (TOGETHER, OURS),
    ),
    Rule(
        "no_labels_not_verifiable",
        lambda f: not f.labelled,
        "rlhf",
        "No row has a right answer and no program can check one: only people's preferences can teach this.",
        (PREDIBASE, FIREWORKS),
    ),
    Rule(
        "teacher",
        _copies_a_teacher,
        "sft",
        "{f.counted} come from a stronger model: imitate it first. A small model learned more from a teacher's worked "
        "answers than from RL of its own (72.6 against 47.0 on AIME 2024 at 32B).",
        (R1,),
    ),
    Rule(
        "many_labels_reasoning",
        lambda f: _many(f) and f.reasoning_helps is True,
        "rft",
        "{f.labels:,} labelled rows are more than 100,000, so imitation comes first and does most; as a grader can "
        "score the reasoning, RL after it still adds some points.",
        (DEEPSEEK_MATH, TULU),
    ),
    Rule(
        "many_labels",
        _many,
        "sft",
        "{f.labels:,} labelled rows are more than 100,000: imitation is enough and cheaper.",
        (PREDIBASE,),
    ),
    Rule(
        "few_labels",
        _few,
        "rft",
        "{f.labels:,} labelled rows are under 100: too few to imitate, while a grader makes a lesson of every attempt, "
        "also where reasoning does not help.",
        (PREDIBASE, CLS_RL),
    ),
    Rule(
        "no_ground_truth",
        lambda f: f.ground_truth is False and f.verifiable is True and f.reasoning_helps is not False,
        "rft",
        "The rows show answers, but none is the right one: what counts is what the grader says.",
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
        "{f.counted}, and reasoning is not needed: imitate the answers.",
        (PREDIBASE, FIREWORKS),
    ),
    Rule(
        "reasoning_likely",
        lambda f: f.reasoning_helps is None and terms.reasons(f.task),
        "rft",
        "Nobody measured whether thinking step by step helps; tasks of this kind take several steps, each of which "
        "must be right, so it likely does.",
        (PREDIBASE, FIREWORKS),
    ),
    Rule(
        "reasoning_unknown",
        lambda f: f.reasoning_helps is None,
        "sft",
        "{f.counted}, and nobody knows whether reasoning helps: start with the simple method and go further only when "
        "the numbers ask for it.",
        (FIREWORKS, AZURE),
    ),
    Rule("can_imitate", lambda f: f.labelled, "sft", "{f.counted} can be imitated.", (AZURE,)),
    Rule("can_grade", lambda f: f.checkable, "rft", "Something can score answers.", (AZURE, OPENAI_RFT)),
    Rule("can_rank", lambda _: True, "rlhf", "What is left is to ask people which answers are better.", (AZURE,)),
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
        lambda f: not f.checkable and not (f.judged is None and terms.judged(f.task)),
        "rft",
        "RFT is out: nothing can grade an answer, so there would be no reward.",
        (OPENAI_RFT, PREDIBASE),
    ),
    Veto(
        "no_grader",
        lambda f: f.checkable and f.grader is None,
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
        "floor",
        lambda f: f.at_floor and not f.imitable,
        "rft",
        "RFT is out for now: the model gets {f.base_score:.1%} right, so no attempt would be rewarded, and there is "
        "nothing to warm it up with.",
        (OPENAI_RFT, AWS),
    ),
    Veto(
        "no_preferences",
        lambda f: not f.preferred,
        "rlhf",
        "RLHF is out: there are no preferences (pairs of a better and a worse answer, or thumbs).",
        (FIREWORKS, AZURE),
    ),
)
