"""`advise --facts` and `explain`: from a file of facts to a decision; faults are told with their key."""

import json

import pytest

from advisor.case_facts import facts_of
from advisor.cli.main import run_command
from advisor.decide import decide
from graders.errors import UserError

CASE = {
    "task": "Word problems",
    "labelled_examples": 5000,
    "has_ground_truth": True,
    "verifiable": True,
    "cot_helps": True,
    "preference_data": False,
    "base_score": 0.3,
}


def test_a_facts_file_is_decided_as_json(tmp_path, capsys):
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(CASE))
    assert run_command(["advise", "--facts", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["stages"]) == ("rft", ["grpo"])
    assert found["because"]
    assert found["runner_up"]["outcome"] == "sft"
    assert found["would_change"]
    assert any(edge["gate"] for edge in found["edges"])


def test_the_same_as_yaml_for_people(tmp_path, capsys):
    path = tmp_path / "facts.yaml"
    path.write_text("labelled_examples: 500\nhas_ground_truth: true\nverifiable: false\npreference_data: 2000\n")
    assert run_command(["advise", "--facts", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "Advice: sft → dpo" in shown
    assert "On the way" in shown


def test_what_names_a_case_or_its_result_is_never_looked_at():
    facts = facts_of(CASE)
    known = {"id": "x", "source": "y", "methods_in_order": ["sft"], "result": "SFT won", "notes": "CONTRADICTS"}
    assert facts_of({**CASE, **known}) == facts
    assert decide(facts).outcome == "rft"


def test_uncounted_and_counted_preferences_differ():
    counted = facts_of({"preference_data": 33000, "verifiable": False})
    assert (counted.pairs, counted.compared) == (33000, False)
    uncounted = facts_of({"preference_data": True, "verifiable": False})
    assert (uncounted.pairs, uncounted.compared) == (0, True)
    assert decide(counted).stages == decide(uncounted).stages == ("sft", "dpo")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"labeled_examples": 3}, "there is no fact 'labeled_examples' did you mean \"labelled_examples\"?"),
        ({"base_score": 12}, "base_score takes 1.0 or less"),
        ({"labelled_examples": -1}, "labelled_examples takes 0 or more"),
        ({"cot_helps": "perhaps"}, "cot_helps takes true or false"),
    ],
)
def test_faults_name_their_key(fault, said):
    with pytest.raises(UserError, match="facts") as caught:
        facts_of(fault)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", ""])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, capsys, text):
    path = tmp_path / "facts.yaml"
    path.write_text(text)
    assert run_command(["advise", "--facts", str(path)]) == 1
    assert "Error:" in capsys.readouterr().err


def test_a_plan_written_by_hand_has_no_decision_to_explain(tmp_path, capsys):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "1+1", "completion": "2"}\n')
    plan = tmp_path / "plan.yaml"
    head = "version: 1\nname: x\ndata: {train: rows.jsonl}\n"
    plan.write_text(head + "metric: likelihood\nstages: [{type: sft, name: s}]\n")
    assert run_command(["explain", str(plan)]) == 1
    assert "written by hand" in capsys.readouterr().err
