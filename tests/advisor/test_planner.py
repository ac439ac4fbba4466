"""Decision → Plan → plan.yaml and back, and that nothing of the user's is overwritten."""

import json

import pytest
import yaml

from advisor.advise import Request, advise, require_plan
from graders.errors import UserError
from pipelines.data.spec import DataSpec
from pipelines.plan import Plan
from pipelines.plan_file import load_plan
from tests.advisor import conftest


def run(path, given=None, **options):
    spec = DataSpec(train="none", **options)
    out = path.with_name("plan.yaml")
    return advise(Request(out, spec, {"data": str(path), **(given or {})}))


def kinds(plan):
    return [(stage.type, stage.name) for stage in plan.stages]


def test_worked_word_problems_are_warmed_up_then_practised(jsonl):
    plan = run(jsonl(conftest.sums(worked=True))).plan
    assert kinds(plan) == [
        ("evaluate", "base"),
        ("sft", "sft"),
        ("evaluate", "after_sft"),
        ("probe", "probe"),
        ("grpo", "grpo"),
        ("evaluate", "after_grpo"),
    ]
    assert plan.graders["answer"].type == "numeric"
    assert plan.metric == "answer"
    assert plan.data.columns == {"prompt": "question", "completion": "answer"}


def test_a_probe_stands_before_rl_as_a_gate_unless_nobody_wants_it(jsonl):
    path = jsonl(conftest.sums(worked=True))
    plan = run(path).plan
    assert (plan.stages[3].gate, plan.stages[3].stop_early) == (True, True)
    path.with_name("plan.yaml").unlink()
    assert "probe" not in {stage.type for stage in run(path, {"rl_gate": "no"}).plan.stages}


@pytest.mark.parametrize(
    ("new", "name", "start"), [("yes", "sft_longer", "sft"), ("no", "sft_instead", "model")], ids=["further", "instead"]
)
def test_beside_rl_stands_sft_for_as_long_where_that_is_wanted(jsonl, new, name, start):
    plan = run(jsonl(conftest.sums(worked=True)), {"control": "yes", "format_new": new}).plan
    arm, after = plan.stages[-2:]
    assert (arm.type, arm.name, arm.policy, arm.control, arm.same_time_as) == ("sft", name, start, True, "grpo")
    assert (after.type, after.policy) == ("evaluate", name)


def test_rejection_sampling_keeps_demonstrations_for_what_the_model_cannot_solve(jsonl):
    plan = run(jsonl(conftest.sums(worked=True, num_rows=80))).plan
    (stage,) = [stage for stage in plan.stages if stage.type == "rejection_sampling"]
    assert stage.demonstrations == "unsolved"


def test_no_probe_stands_where_no_rl_follows(jsonl):
    plan = run(jsonl(conftest.labels())).plan
    assert "probe" not in {stage.type for stage in plan.stages}


def test_skewed_labels_are_imitated_and_balanced(jsonl):
    plan = run(jsonl(conftest.labels())).plan
    assert kinds(plan) == [("evaluate", "base"), ("sft", "sft"), ("evaluate", "after_sft")]
    assert plan.data.balance == "label"
    assert plan.graders["answer"].type == "choice"


def test_free_text_is_measured_by_likelihood(jsonl):
    plan = run(jsonl(conftest.texts())).plan
    assert plan.metric == "likelihood"
    assert plan.graders == {}


def test_pairs_are_imitated_first_and_then_preferred(jsonl):
    path = jsonl(conftest.pairs(400))
    advice = run(path)
    assert advice.decision.outcome == "rlhf"
    assert kinds(advice.plan) == [
        ("evaluate", "base"),
        ("sft", "sft"),
        ("evaluate", "after_sft"),
        ("dpo", "dpo"),
        ("evaluate", "after_dpo"),
    ]
    assert advice.plan.metric == "preference"
    assert "DPO on the 400 pairs" in path.with_name("plan.yaml").read_text()


def test_few_pairs_are_imitated_and_the_plan_says_what_is_missing(jsonl):
    path = jsonl(conftest.pairs())
    advice = run(path)
    assert kinds(advice.plan) == [
        ("evaluate", "base"),
        ("sft", "sft"),
        ("evaluate", "after_sft"),
        ("reward_model", "reward_model"),
    ]
    assert "Then best-of-n" in path.with_name("plan.yaml").read_text()


def test_marked_answers_lead_to_kto(jsonl):
    rows = [
        {"prompt": f"Please help with parcel {n}.", "completion": f"Gladly, parcel {n}." if n % 2 else f"No, {n}."}
        | {"label": bool(n % 2)}
        for n in range(300)
    ]
    advice = run(jsonl(rows))
    assert kinds(advice.plan)[1:] == [
        ("sft", "sft"),
        ("evaluate", "after_sft"),
        ("kto", "kto"),
        ("evaluate", "after_kto"),
    ]
    assert advice.plan.metric == "preference"


def test_a_trusted_reward_model_and_many_unpaired_prompts_lead_to_ppo(jsonl):
    rows = conftest.pairs(400) + [{"prompt": f"And parcel {n}?"} for n in range(1000, 2100)]
    advice = run(jsonl(rows), {"reward_model": "yes"})
    assert advice.decision.facts.unpaired == 1100
    assert advice.decision.stages == ("sft", "reward_model", "ppo")
    assert kinds(advice.plan)[3:] == [("reward_model", "reward_model"), ("ppo", "ppo"), ("evaluate", "after_ppo")]
    assert advice.plan.graders["rm"].model == "reward_model"
    assert advice.plan.stages[4].reward == "rm"


def test_references_alone_are_imitated_as_completions(jsonl):
    plan = run(jsonl(conftest.fields())).plan
    assert plan.data.columns["completion"] == plan.data.columns["reference"] == "reference"
    assert plan.graders["answer"].type == "json_fields"


CASES = [
    (conftest.sums(True), {}),
    (conftest.sums(False), {"model": "owner/model-Instruct", "reasoning_helps": "no"}),
    (conftest.labels(), {"task": "Sort: mail & 'parcels' # by topic"}),
    (conftest.pairs(), {}),
    (conftest.texts(), {"name": "my-plan"}),
    (conftest.fields(), {"hours": "0.5", "reasoning_helps": "yes"}),
    (conftest.sums(True), {"grader": "{type: numeric, abs_tolerance: 0.01}"}),
]


@pytest.mark.parametrize(("rows", "given"), CASES)
def test_the_file_reads_back_as_the_identical_plan(jsonl, rows, given):
    path = jsonl(rows)
    advice = run(path, given, limit=210)
    written = path.with_name("plan.yaml")
    text = written.read_text()
    assert Plan.model_validate(yaml.safe_load(text)) == advice.plan
    assert load_plan(written).plan == advice.plan
    assert text.count("#") >= 5
    assert advice.plan.data.train == "rows.jsonl"
    assert advice.plan.data.limit == 210


def test_the_plan_is_short_and_repeats_no_default(jsonl):
    path = jsonl(conftest.sums(True))
    run(path)
    fields = yaml.safe_load(path.with_name("plan.yaml").read_text())
    assert set(fields) == {"version", "name", "decision", "model", "data", "graders", "metric", "stages"}
    assert fields["model"] == {"name": "starter"}, "which model it is stands in the plan, default or not"
    plain = [stage for stage in fields["stages"] if stage["type"] != "probe" and stage["name"] != "after_sft"]
    assert all(set(stage) == {"type", "name"} for stage in plain)


def test_nothing_is_trained_on_from_a_model_that_got_worse(jsonl):
    path = jsonl(conftest.sums(True))
    run(path)
    stages = {stage["name"]: stage for stage in yaml.safe_load(path.with_name("plan.yaml").read_text())["stages"]}
    gate = stages["after_sft"]["gate"]
    assert (gate["max_drop"], gate["over"]) == (0, "previous")
    assert gate["instead"].startswith("train the base on its own answers")
    assert "gate" not in stages["after_grpo"], "after the last stage the verdict says it"


def test_an_unchanged_plan_keeps_its_own_comments(jsonl):
    path = jsonl(conftest.sums(True))
    assert run(path).written
    plan = path.with_name("plan.yaml")
    plan.write_text(plan.read_text() + "# my own note\n")
    assert not run(path).written
    assert plan.read_text().endswith("# my own note\n")


def test_another_plan_is_never_overwritten_and_the_difference_is_shown(jsonl):
    path = jsonl(conftest.sums(True))
    run(path)
    before = path.with_name("plan.yaml").read_text()
    with pytest.raises(UserError) as caught:
        run(path, {"reasoning_helps": "no"})
    assert "-  - type: grpo" in str(caught.value) or "-- type: grpo" in str(caught.value)
    assert "--force" in str(caught.value)
    assert path.with_name("plan.yaml").read_text() == before


def test_force_overwrites(jsonl):
    path = jsonl(conftest.sums(True))
    run(path)
    out = path.with_name("plan.yaml")
    given = {"data": str(path), "reasoning_helps": "no"}
    advice = advise(Request(out, DataSpec(train="none"), given, force=True))
    assert advice.written
    assert kinds(load_plan(out).plan)[-1] == ("evaluate", "after_sft")


def test_nothing_to_learn_from_writes_no_plan_but_keeps_the_answers(jsonl):
    path = jsonl([{"prompt": f"Say something about {n}."} for n in range(220)])
    advice = run(path)
    assert advice.decision.outcome == "collect"
    assert not path.with_name("plan.yaml").exists()
    assert path.with_name("answers.yaml").exists()
    with pytest.raises(UserError, match="nothing to train on"):
        require_plan(advice)


def test_answers_about_other_data_are_not_used(jsonl):
    run(jsonl(conftest.sums(True)), {"reasoning_helps": "no"})
    other = jsonl(conftest.sums(True), "other.jsonl")
    out = other.with_name("plan.yaml")
    advice = advise(Request(out, DataSpec(train="none"), {"data": str(other)}, force=True))
    assert advice.answers["reasoning_helps"].origin == "assumed"
    assert advice.notes


def test_a_data_path_is_relative_to_the_plan(jsonl, tmp_path, monkeypatch):
    jsonl(conftest.sums(True))
    monkeypatch.chdir(tmp_path)
    advice = advise(Request(tmp_path / "plans" / "a.yaml", DataSpec(train="none"), {"data": "rows.jsonl"}))
    assert advice.plan.data.train == "../rows.jsonl"
    assert (tmp_path / "plans" / "a.answers.yaml").exists()


def test_every_profile_value_is_json(jsonl):
    from advisor.cli.show_advice import advice_json

    path = jsonl(conftest.fields())
    assert json.loads(advice_json(run(path), path.with_name("plan.yaml")))["profile"]["num_rows"] == 220


def test_a_test_file_too_small_to_show_anything_advises_against_training(jsonl, tmp_path):
    rows = conftest.sums(worked=True)
    train, few = jsonl(rows[:-20]), tmp_path / "few.jsonl"
    few.write_text("".join(json.dumps(row) + "\n" for row in rows[-20:]))
    decision = run(train, test=few.name).decision
    assert decision.outcome == "do_not_tune"
    assert decision.because[0].startswith("Do not fine-tune yet: 20 test rows cannot show any gain")
    assert "test_share_too_few" not in [fired.id for fired in decision.fired]
