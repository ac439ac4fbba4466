"""The published chart branch by branch, its boundaries, the vetoes, the order of stages, and the record."""

import itertools
from dataclasses import replace

import pytest

from advisor.decide import decide
from advisor.facts import Facts
from advisor.rules.barriers import BARRIERS
from advisor.rules.cautions import CAUTIONS
from advisor.rules.edges import EDGES
from advisor.rules.families import FAMILIES, VETOES
from advisor.rules.kinds import FAMILY
from advisor.rules.stages import STAGES

LABELLED = Facts(prompts=1000, labels=1000, verifiable=True, grader="numeric", model="m", gpu_gib=24.0)
UNLABELLED = replace(LABELLED, labels=0)

CHART = [
    # no labels
    (UNLABELLED, "rft", ("grpo",)),
    (replace(UNLABELLED, verifiable=False, grader=None, pairs=900), "rlhf", ("sft", "dpo")),
    (replace(UNLABELLED, verifiable=False, grader=None, thumbs=900), "rlhf", ("sft", "kto")),
    (replace(UNLABELLED, verifiable=False, grader=None), "collect", ("dpo",)),
    # under 100
    (replace(LABELLED, labels=99), "rft", ("grpo",)),
    (replace(LABELLED, labels=99, reasoning_helps=True), "rft", ("grpo",)),
    (replace(LABELLED, labels=99, reasoning_helps=False), "rft", ("grpo",)),
    (replace(LABELLED, labels=99, verifiable=False), "sft", ("sft",)),
    (replace(LABELLED, labels=99, grader=None), "sft", ("sft",)),
    # exactly 100 and exactly 100,000 belong to the middle
    (replace(LABELLED, labels=100), "sft", ("sft",)),
    (replace(LABELLED, labels=100, reasoning_helps=True), "rft", ("grpo",)),
    (replace(LABELLED, labels=100_000, reasoning_helps=True), "rft", ("grpo",)),
    # the middle
    (replace(LABELLED, reasoning_helps=True), "rft", ("grpo",)),
    (replace(LABELLED, reasoning_helps=False), "sft", ("sft",)),
    (replace(LABELLED, reasoning_helps=None), "sft", ("sft",)),
    (replace(LABELLED, reasoning_helps=True, verifiable=False), "sft", ("sft",)),
    # over 100,000
    (replace(LABELLED, labels=100_001, reasoning_helps=None), "sft", ("sft",)),
    (replace(LABELLED, labels=100_001, reasoning_helps=True), "rft", ("sft", "grpo")),
    (replace(LABELLED, labels=100_001, reasoning_helps=True, teacher=True), "sft", ("sft",)),
]


@pytest.mark.parametrize(("facts", "outcome", "stages"), CHART)
def test_the_published_chart(facts, outcome, stages):
    decision = decide(facts)
    assert (decision.outcome, decision.stages) == (outcome, stages)


REASONING = replace(LABELLED, reasoning_helps=True)
ORDERS = [
    (replace(REASONING, demonstrations=True, format_new=True), ("sft", "grpo")),
    (replace(REASONING, demonstrations=True, format_new=None), ("sft", "grpo")),
    (replace(REASONING, demonstrations=True, format_new=False), ("grpo",)),
    (replace(REASONING, demonstrations=False, format_new=True), ("sft", "grpo")),
    (replace(REASONING, demonstrations=False, format_new=None), ("grpo",)),
    (replace(UNLABELLED, format_new=True), ("grpo",)),
    (replace(UNLABELLED, prompts=99), ("rejection_sampling",)),
    (replace(UNLABELLED, prompts=100), ("grpo",)),
    (replace(UNLABELLED, hours=0.5), ("grpo",)),
    (replace(REASONING, demonstrations=True, format_new=True, pairs=500), ("sft", "grpo", "dpo")),
    (replace(LABELLED, reasoning_helps=False, pairs=500), ("sft", "dpo")),
    (replace(LABELLED, reasoning_helps=False, pairs=50), ("sft",)),
]


@pytest.mark.parametrize(("facts", "stages"), ORDERS)
def test_stages_come_in_the_order_sft_rft_preferences(facts, stages):
    assert decide(facts).stages == stages


def test_a_veto_that_decided_is_in_the_record():
    decision = decide(replace(LABELLED, labels=50, verifiable=False))
    assert [veto.id for veto in decision.vetoes] == ["not_verifiable"]
    assert decision.because[0].startswith("RFT is out")


def test_a_veto_that_changed_nothing_stays_out_of_the_record():
    assert decide(replace(LABELLED, reasoning_helps=False, verifiable=False)).vetoes == ()


def test_collect_says_what_is_missing_and_how_many():
    decision = decide(Facts())
    assert decision.outcome == "collect"
    assert any("200 to 500" in text for text in decision.missing)
    assert any("pairs" in text for text in decision.missing)


def test_the_runner_up_is_another_outcome():
    decision = decide(REASONING)
    assert decision.runner_up is not None
    assert decision.runner_up.outcome == "sft"
    assert decide(Facts()).runner_up is None


def test_would_change_names_only_what_comes_out_differently():
    decision = decide(replace(LABELLED, reasoning_helps=None))
    texts = {text.split(":")[0]: text for text in decision.would_change}
    assert texts["if thinking step by step helps"].endswith("grpo")
    assert "if thinking step by step does not help" not in texts
    assert "with more than 100,000 labelled rows" not in texts
    assert texts["with fewer than 100 labelled rows"].endswith("grpo")


TRUSTED = Facts(prompts=5000, pairs=3000, unpaired=2000, reward_model=True)
PREFERENCES = [
    (Facts(prompts=300, pairs=300), ("sft", "dpo")),
    (Facts(prompts=299, pairs=299), ("sft", "reward_model", "best_of_n")),
    (TRUSTED, ("sft", "reward_model", "ppo")),
    (replace(TRUSTED, reward_model=False), ("sft", "dpo")),
    (replace(TRUSTED, unpaired=999), ("sft", "dpo")),
    (replace(TRUSTED, pairs=299), ("sft", "reward_model", "best_of_n")),
    (Facts(prompts=900, thumbs=900), ("sft", "kto")),
    (Facts(prompts=900, pairs=400, thumbs=500), ("sft", "dpo")),
]


@pytest.mark.parametrize(("facts", "stages"), PREFERENCES)
def test_which_method_learns_the_preferences_follows_from_their_kind_and_number(facts, stages):
    decision = decide(facts)
    assert (decision.outcome, decision.stages) == ("rlhf", stages)


def test_what_would_lead_from_dpo_to_ppo_is_said():
    texts = decide(replace(TRUSTED, reward_model=False)).would_change
    assert any(text.startswith("if a reward model had passed its gate") and text.endswith("ppo") for text in texts)
    assert any("fewer than 300 pairs: sft → reward_model → best_of_n" in text for text in texts)


def test_few_pairs_beside_labels_are_left_out_and_told():
    decision = decide(replace(LABELLED, reasoning_helps=False, pairs=50))
    assert any("50 pairs are under 300 and left out" in reason for reason in decision.because)


def test_bare_answers_are_warned_about_before_a_reasoning_task():
    decision = decide(replace(REASONING, format_new=True))
    assert any("bare answers" in reason for reason in decision.because)


def test_every_rule_has_an_id_of_its_own_a_source_and_a_reason_that_can_be_filled():
    rules = [*FAMILIES, *VETOES, *BARRIERS, *STAGES, *CAUTIONS]
    assert len({rule.id for rule in rules}) == len(rules)
    facts = replace(LABELLED, hours=0.5, base_score=0.5, prompted_score=0.6, target=0.6, test_rows=50, wanted_gain=0.1)
    for rule in rules:
        assert rule.sources
        assert "{" not in rule.reason.format(f=facts)


@pytest.mark.parametrize("labels", [0, 5, 99, 100, 5000, 100_000, 100_001])
def test_something_is_always_advised(labels):
    """Every combination of the facts that rules look at ends in an outcome with its record."""
    choices = [(True, False), (None, "numeric"), (True, False, None), (True, False, None), (0, 500), (0, 500), (0, 500)]
    for verifiable, grader, reasoning, new, prompts, pairs, thumbs in itertools.product(*choices):
        facts = Facts(prompts=prompts, labels=labels, verifiable=verifiable, grader=grader, pairs=pairs, thumbs=thumbs)
        decision = decide(replace(facts, reasoning_helps=reasoning, format_new=new))
        assert decision.because
        assert decision.sources
        assert decision.stages
        assert decision.outcome in ("collect", FAMILY[decision.stages[-1]])
        assert not (decision.outcome == "rft" and not facts.gradable)


def test_what_is_only_assumed_is_said_where_it_matters():
    facts = replace(LABELLED, origins={"reasoning_helps": "assumed", "verifiable": "told", "format_new": "assumed"})
    assert "reasoning_helps = unknown" in decide(facts).because[-1]
    assert "format_new" not in decide(facts).because[-1]
    assert "Assumed" not in decide(replace(facts, origins={"reasoning_helps": "told"})).because[-1]


BARRED = [
    (replace(REASONING, base_score=0.95), "do_not_tune", "ceiling"),
    (replace(REASONING, base_score=0.94), "rft", None),
    (replace(REASONING, prompted_score=0.9, target=0.9), "do_not_tune", "prompting_does_it"),
    (replace(REASONING, prompted_score=0.89, target=0.9), "rft", None),
    (replace(REASONING, contradictions=0.2), "do_not_tune", "ambiguous"),
    (replace(REASONING, test_rows=29), "do_not_tune", "test_too_few"),
    (replace(REASONING, test_rows=30), "rft", None),
    (replace(REASONING, test_rows=100, wanted_gain=0.05), "do_not_tune", "test_too_small_for_gain"),
    (replace(REASONING, test_rows=2000, wanted_gain=0.05), "rft", None),
    (replace(UNLABELLED, base_score=0.0), "collect", "nothing_to_warm_up"),
]


@pytest.mark.parametrize(
    ("test_rows", "said"),
    [
        (0, "test_share_too_few"),
        (29, "test_share_too_few"),
        (30, "test_share_small"),
        (230, "test_share_small"),
        (240, None),
    ],
)
def test_a_share_that_shows_little_is_warned_of_since_the_plan_may_raise_it(test_rows, said):
    decision = decide(replace(REASONING, test_rows=test_rows, shared=True))
    assert decision.outcome == "rft"
    assert [fired.id for fired in decision.fired if fired.id.startswith("test_share")] == ([said] if said else [])


@pytest.mark.parametrize(("facts", "outcome", "rule"), BARRED)
def test_what_says_not_to_train_now_names_what_would_be_trained(facts, outcome, rule):
    decision = decide(facts)
    assert decision.outcome == outcome
    assert decision.stages == ("grpo",)
    assert rule is None or decision.fired[0].id == rule


def test_from_the_floor_sft_comes_first_and_the_probe_comes_again():
    decision = decide(replace(REASONING, base_score=0.0, format_new=False))
    assert (decision.outcome, decision.stages) == ("rft", ("sft", "grpo"))
    assert any("Probe again" in reason for reason in decision.because)


def test_the_edges_are_those_of_the_pipeline():
    assert [edge.id for edge in decide(REASONING).edges] == ["starved", "saturated", "rft_flat"]
    assert {edge.id for edge in decide(TRUSTED).edges} == {"reward_model_fails", "over_optimised"}
    assert all(edge.sources for edge in EDGES)


UNKNOWN = Facts(prompts=None, labels=None, verifiable=None, grader="custom", demonstrations=None)
THREE_VALUES = [
    (UNKNOWN, "rft"),
    (replace(UNKNOWN, compared=True), "rlhf"),
    (replace(UNKNOWN, ground_truth=True), "sft"),
    (replace(UNKNOWN, ground_truth=True, reasoning_helps=True), "rft"),
    (replace(UNKNOWN, ground_truth=True, task="Sort e-mails into 30 categories"), "sft"),
    (replace(UNKNOWN, ground_truth=True, task="Prove theorems"), "rft"),
    (replace(UNKNOWN, verifiable=False), "collect"),
    (replace(UNKNOWN, verifiable=False, task="Clinical advice graded by a rubric"), "rft"),
    (replace(UNKNOWN, labels=500, verifiable=False, ground_truth=True), "sft"),
    (replace(UNKNOWN, labels=5000, verifiable=True, ground_truth=False), "rft"),
]


@pytest.mark.parametrize(("facts", "outcome"), THREE_VALUES)
def test_unknown_facts_still_lead_to_an_advice(facts, outcome):
    assert decide(facts).outcome == outcome


@pytest.mark.parametrize(
    ("task", "outcome"),
    [("Distil a teacher's answers", "sft"), ("Maths on top of Big-R1-Distill-7B", "rft"), ("", "rft")],
)
def test_a_teacher_is_read_from_the_task_but_never_from_a_models_name(task, outcome):
    assert decide(replace(REASONING, task=task)).outcome == outcome


def test_a_choice_of_a_few_is_warned_of_from_the_task_alone():
    ids = {fired.id for fired in decide(replace(REASONING, task="Multiple choice questions of biology")).fired}
    assert "guessable_by_its_kind" in ids


def test_in_a_short_time_a_model_that_gets_nothing_right_is_taught_by_rejection_sampling():
    facts = replace(
        REASONING, prompts=300, labels=300, demonstrations=True, format_new=True, hours=0.05, base_score=0.0
    )
    assert decide(facts).stages == ("sft", "rejection_sampling")
    assert decide(replace(facts, hours=10.0)).stages == ("sft", "grpo")
    assert decide(replace(facts, base_score=0.5)).stages == ("sft", "grpo")
    assert decide(replace(facts, base_score=None)).stages == ("sft", "grpo")
