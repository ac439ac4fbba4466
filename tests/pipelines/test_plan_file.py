"""plan.yaml → Plan: strict, every fault at once, with its line and "did you mean"."""

from pathlib import Path

import pytest

from graders.errors import UserError
from pipelines.plan import SFT
from pipelines.plan_file import load_plan

GOOD = """\
version: 1
name: sums
data:
  train: rows.jsonl
graders:
  answer:
    type: numeric
metric: answer
stages:
  - type: evaluate
    name: base
  - type: sft
    name: sft
    epochs: 2
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    return path


def message(tmp_path: Path, text: str) -> str:
    with pytest.raises(UserError) as caught:
        load_plan(written(tmp_path, text))
    return str(caught.value)


def test_a_good_plan_loads_with_its_defaults(tmp_path: Path) -> None:
    plan = load_plan(written(tmp_path, GOOD)).plan
    assert plan.model.name == "starter"
    assert plan.stages[1].type == "sft"
    assert plan.seed == 0


def test_every_fault_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        GOOD.replace("epochs: 2", "epoch: 2")
        .replace("metric: answer", "metric: anwser")
        .replace("name: sums", "nme: x")
    )
    told = message(tmp_path, text)
    assert "plan.yaml:2: unknown key `nme`; did you mean `name`?" in told
    assert "plan.yaml:14: unknown key `epoch`; did you mean `epochs`?" in told
    assert "`name` is missing" in told


def test_faults_between_fields_are_told_beside_faults_of_a_field(tmp_path: Path) -> None:
    text = GOOD.replace("epochs: 2", "epochs: -2").replace("metric: answer", "metric: anwser")
    told = message(tmp_path, text.replace("name: sft", "name: base"))
    assert told.startswith("3 faults in ")
    assert "plan.yaml:8: no grader is called `anwser`; did you mean `answer`?" in told
    assert "plan.yaml:13: two stages are called `base`" in told
    assert "plan.yaml:14: `epochs`: takes more than 0.0, not -2" in told
    wrong_kind = message(tmp_path, GOOD.replace("metric: answer", "metric: 7"))
    assert wrong_kind.startswith("a fault in ")


def test_a_metric_that_no_grader_has_is_named_with_its_line(tmp_path: Path) -> None:
    told = message(tmp_path, GOOD.replace("metric: answer", "metric: anwser"))
    assert "plan.yaml:8: no grader is called `anwser`; did you mean `answer`?" in told


def test_a_key_that_stands_twice_is_a_fault(tmp_path: Path) -> None:
    assert "plan.yaml:15: `epochs` stands twice" in message(tmp_path, GOOD + "    epochs: 3\n")


def test_a_plan_of_a_newer_version_says_to_upgrade(tmp_path: Path) -> None:
    told = message(tmp_path, GOOD.replace("version: 1", "version: 2"))
    assert "version 2, newer than this program" in told
    assert "pip install -U finetune-advisor" in told


def test_a_key_of_the_trainer_that_we_own_is_refused_with_our_name(tmp_path: Path) -> None:
    text = GOOD + "    trainer:\n      num_train_epochs: 3\n      weigth_decay: 0.1\n      max_grad_norm: high\n"
    told = message(tmp_path, text)
    assert "plan.yaml:16: `num_train_epochs` is set by `epochs` of the stage" in told
    assert "plan.yaml:17: TRL has no `weigth_decay` for sft; did you mean `weight_decay`?" in told
    assert "plan.yaml:18: `max_grad_norm` takes float, not 'high'" in told


def test_a_policy_must_be_an_earlier_training_stage(tmp_path: Path) -> None:
    text = GOOD + "  - type: evaluate\n    name: after\n    policy: base\n"
    assert "plan.yaml:17: `base` is no earlier stage that leaves a model" in message(tmp_path, text)


def test_an_unknown_stage_type_lists_the_known_ones(tmp_path: Path) -> None:
    told = message(tmp_path, GOOD.replace("type: sft", "type: stf"))
    assert "unknown type `stf`; did you mean `sft`?" in told


def test_broken_yaml_has_its_line(tmp_path: Path) -> None:
    assert "plan.yaml:3" in message(tmp_path, "a: 1\nb: 2\nc: [1, 2\n") or "plan.yaml:4" in message(
        tmp_path, "a: 1\nb: 2\nc: [1, 2\n"
    )


def test_a_grader_of_openais_is_valid_as_it_is_pasted_with_tabs_too(tmp_path: Path) -> None:
    grader = """{
\t"name": "both",\t"type": "multi",
\t"pass_threshold": 0.65,
\t"graders": {
\t\t"kind": { "name": "kind", "type": "string_check", "operation": "eq",
\t\t\t"input": "{{sample.output_json.kind}}", "reference": "{{ item.kind }}" }\t
\t},
\t"calculate_output": "0.5 * kind"
  }"""
    plan = load_plan(written(tmp_path, GOOD.replace("\n    type: numeric", f" {grader}"))).plan
    assert (plan.graders["answer"].type, plan.graders["answer"].pass_at) == ("multi", 0.65)
    assert "plan.yaml:10: `operation`: takes 'eq'" in message(
        tmp_path, GOOD.replace("\n    type: numeric", f" {grader.replace('eq', 'is')}")
    )
    assert "found character '\\t'" in message(tmp_path, GOOD.replace("    type", "\ttype"))


def test_a_missing_plan_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="finetune-advisor init"):
        load_plan(tmp_path / "none.yaml")


def test_set_of_a_stage_without_stages_in_front_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"`sft` is a stage[\s\S]*--set stages\.sft\.epochs=5"):
        load_plan(written(tmp_path, GOOD), ["sft.epochs=5"])


def test_set_overrides_a_stage_by_its_name(tmp_path: Path) -> None:
    stage = load_plan(written(tmp_path, GOOD), ["stages.sft.epochs=5"]).plan.stages[1]
    assert isinstance(stage, SFT)
    assert stage.epochs == 5


def test_grpo_needs_a_grader(tmp_path: Path) -> None:
    text = GOOD.replace("metric: answer", "metric: likelihood") + "  - type: grpo\n    name: grpo\n"
    assert "stage `grpo` needs a grader" in message(tmp_path, text)


def test_anchors_that_lead_to_themselves_or_to_millions_are_faults(tmp_path: Path) -> None:
    assert "`reward`: takes a text" in message(tmp_path, GOOD + "reward: &a [*a]\n")
    assert "unknown key `x`" in message(tmp_path, GOOD + "x: &a {y: *a}\n")
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    assert "unknown key `i`" in message(tmp_path, GOOD + "\n".join(lines))
    assert "nested too deep" in message(tmp_path, "a: " + "[" * 3000 + "]" * 3000)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("model: {template_args: {day: 2024-01-01}}", "not a valid JSON value"),
        ("checkpoint_minutes: .inf", "a finite number"),
        ("seed: -1", "takes 0 or more"),
        ("seed: 100000000000", "less than 4294967296"),
    ],
)
def test_values_that_no_stage_could_use_are_refused_at_load(tmp_path: Path, line: str, said: str) -> None:
    told = message(tmp_path, GOOD + line + "\n")
    assert "plan.yaml:15: " in told
    assert said in told


def test_a_version_that_is_no_number_is_shown_as_it_is(tmp_path: Path) -> None:
    assert "of version '1'\n" in message(tmp_path, GOOD.replace("version: 1", "version: '1'"))


def test_trainer_takes_numbers_as_people_write_them(tmp_path: Path) -> None:
    stage = load_plan(written(tmp_path, GOOD + "    trainer: {weight_decay: 1e-3}\n")).plan.stages[1]
    assert isinstance(stage, SFT)
    assert stage.trainer == {"weight_decay": 0.001}


def test_a_gain_needs_an_evaluation_of_the_base(tmp_path: Path) -> None:
    gate = "  - type: evaluate\n    name: after\n    gate:\n      min_gain: 0\n"
    assert load_plan(written(tmp_path, GOOD + gate)).plan.stages[2].type == "evaluate"
    without = GOOD.replace("  - type: evaluate\n    name: base\n", "")
    assert "plan.yaml:16: `min_gain` needs an earlier `evaluate`" in message(tmp_path, without + gate)


def test_a_fault_of_every_stage_does_not_count_them_as_none(tmp_path: Path) -> None:
    text = GOOD.replace("  - type: evaluate\n    name: base\n", "").replace("epochs: 2", "batch_size: 1.5")
    told = message(tmp_path, text)
    assert told.startswith("a fault in")
    assert "plan.yaml:12: `batch_size`: takes a whole number, not 1.5" in told


def test_faults_are_said_in_words_that_need_no_knowledge_of_python(tmp_path: Path) -> None:
    text = GOOD.replace("name: sums", "name: 2020-01-01").replace("    name: sft", "    name: Sft One") + "1: x\n"
    told = message(tmp_path, text + "seed: -1\nprocesses: []\n")
    assert "plan.yaml:2: `name`: takes a text (in quotes where it looks like a number or a date), not datetime" in told
    assert "`name`: takes small letters, digits, - and _, at most 40" in told
    assert "`1` is no key: keys are text" in told
    assert "`seed`: takes 0 or more, not -1" in told
    assert "`processes`: takes a whole number, not []" in told
    assert "dictionary" not in told
    assert "Tuple" not in told


def test_no_stages_at_all_are_still_too_few(tmp_path: Path) -> None:
    told = message(tmp_path, GOOD.split("stages:", maxsplit=1)[0] + "stages: []\n")
    assert "`stages`: takes 1 or more, not []" in told


def test_a_gate_that_asks_for_nothing_is_refused(tmp_path: Path) -> None:
    told = message(tmp_path, GOOD.replace("    name: base", "    name: base\n    gate: {}"))
    assert "plan.yaml:12: this gate lets everything pass" in told


def test_a_role_that_does_not_exist_is_named(tmp_path: Path) -> None:
    told = message(tmp_path, GOOD.replace("train: rows.jsonl", "train: rows.jsonl\n  columns: {promt: q}"))
    assert "plan.yaml:5: `promt`: takes 'messages', 'prompt'" in told
