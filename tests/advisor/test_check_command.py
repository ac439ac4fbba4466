"""`check` as a user calls it: a sound plan is green, and every line turns red on a planted fault."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.cli.main import run_command
from graders.errors import UserError
from pipelines import grpo_trainer
from pipelines.preflight import children, disk, environment, look_child, trial_child, trials
from pipelines.preflight.licences import licence_of
from pipelines.preflight.measured import Measured

Writer = Callable[..., Path]
Found = list[dict[str, Any]]
NO_GRADER: dict[str, Any] = {"graders": {}, "metric": "likelihood"}
"""For what no grader matters to: their audits take seconds."""
FORM: dict[str, Any] = {"graders": {"form": {"type": "pattern", "pattern": "####"}}, "metric": "form"}
EVALUATE = {"type": "evaluate", "name": "base"}
SFT = {"type": "sft", "name": "sft", "batch_size": 4}
GRPO = {"type": "grpo", "name": "grpo", "group_size": 2, "prompts_per_step": 2, "max_new_tokens": 16}
DPO = {"type": "dpo", "name": "dpo"}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The children's work in this process, which has torch: the same functions, without ten seconds of imports each."""
    mains = {look_child.__file__: look_child.main, trial_child.__file__: trial_child.main}

    def run(script: str, request: dict[str, Any]) -> Any:
        try:
            return json.loads(json.dumps(mains[script](request)))
        except UserError as error:
            raise UserError(**children.fault_of(error)) from None
        except ValueError as error:
            raise children.ChildFailed(str(error)) from error

    monkeypatch.setattr(children, "run", run)
    monkeypatch.setattr(grpo_trainer, "LEAVES_OUT", True)  # a trial turns it off, and is alone in its process


def check(capsys: pytest.CaptureFixture[str], plan: Path, *more: str, code: int = 0) -> Found:
    """The lines of `check PLAN --json`."""
    capsys.readouterr()
    assert run_command(["check", str(plan), "--json", *more]) == code
    shown = capsys.readouterr().out
    lines: Found = json.loads(shown[shown.index('{\n "plan"') :])["lines"]  # after what a trial of TRL's prints here
    return lines


def said(lines: Found, about: str, level: str = "red") -> str:
    """What the lines of this level say of a thing, together; fails where there is none."""
    found = [line for line in lines if line["about"] == about and line["level"] == level]
    assert found, f"nothing {level} about {about}: {[line['said'] for line in lines if line['level'] == level]}"
    return "\n".join(line["said"] + (f" [{line['fix']}]" if line["fix"] else "") for line in found)


def other_model(tiny_model: Path, folder: Path) -> Path:
    """A copy of the tiny model, to be spoiled."""
    shutil.copytree(tiny_model, folder)
    return folder


def with_template(tiny_model: Path, folder: Path, template: str | None) -> Path:
    model = other_model(tiny_model, folder)
    (model / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((model / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    if template is not None:
        (model / "chat_template.jinja").write_text(template)
    return model


def test_a_sound_plan_is_green_through_a_child_of_its_own(
    write_plan: Writer, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(EVALUATE, SFT, **NO_GRADER)
    assert run_command(["check", str(plan)]) == 0
    shown = capsys.readouterr().out
    assert "0 red" in shown
    assert "sft: batch:" in shown


def test_the_numbers_are_those_that_training_takes(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from tests.pipelines.test_training import run

    plan = write_plan(SFT | {"epochs": 2}, GRPO, **FORM)
    lines = check(capsys, plan)
    numbers = run(plan, Path(json.loads(plan.read_text())["model"]["name"]), tmp_path / "out")
    told = next(line for line in lines if line["about"] == "batch" and line["stage"] == "sft")
    assert told["number"] == numbers["steps"]
    assert f"{numbers['examples']} rows; 4 rows a step" in told["said"]
    assert "4 completions a step" in next(line["said"] for line in lines if line["stage"] == "grpo")


def test_a_plan_with_a_fault_is_one_red_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text(
        "name: p\ndata: {train: rows.jsonl}\nmetric: x\nstages: [{type: sftt, name: a}]\n"
    )
    lines = check(capsys, tmp_path / "plan.yaml", code=3)
    assert "unknown type `sftt`" in said(lines, "plan")
    assert len(lines) == 1


def test_rows_that_every_stage_would_refuse_are_red_before_any_model_is_looked_at(
    write_plan: Writer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plan = write_plan(SFT)
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write(json.dumps({"prompt": " ", "completion": "x", "reference": "1"}) + "\n")
    lines = check(capsys, plan, code=3)
    assert "have no prompt" in said(lines, "data")
    assert not [line for line in lines if line["about"] == "batch"]


def test_a_data_file_that_is_not_there_is_red(write_plan: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    plan = write_plan(SFT, data={"train": "rows.jsnl"})
    assert 'did you mean "rows.jsonl"?' in said(check(capsys, plan, code=3), "data")


def test_a_model_without_weights_or_with_half_of_them_is_red(
    write_plan: Writer, here: None, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = other_model(tiny_model, tmp_path / "half")
    plan = write_plan(SFT, **NO_GRADER, model={"name": str(model)})
    weights = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    assert "is cut off" in said(check(capsys, plan, code=3), "model")
    (model / "model.safetensors").unlink()
    assert "holds no weights" in said(check(capsys, plan, code=3), "model")
    (model / "config.json").unlink()
    assert "holds no model" in said(check(capsys, plan, code=3), "model")


TURNS = "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}END{% endif %}{% endfor %}"
OTHER_END = TURNS.replace("END", "{{ '<|user|>' if '#' in m.content else eos_token }}")
NO_PROMPT = "{% for m in messages %}{% if m.role == 'assistant' %}{{ m.content + eos_token }}{% endif %}{% endfor %}"
REFUSES = "{% if not add_generation_prompt %}{{ raise_exception('no chats') }}{% endif %}"


def test_a_template_that_teaches_something_else_is_red(
    write_plan: Writer, here: None, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, template, about, fault in (
        ("end", OTHER_END, "template", "which sampling does not stop at"),
        ("whole", NO_PROMPT, "template", "have no prompt: all carries loss"),
        ("refuses", REFUSES, "model", "refuses this row: no chats"),
    ):
        model = with_template(tiny_model, tmp_path / name, template)
        assert fault in said(check(capsys, write_plan(SFT, **NO_GRADER, model={"name": str(model)}), code=3), about)


def test_a_model_without_a_template_is_amber_with_what_is_used(
    write_plan: Writer, here: None, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = with_template(tiny_model, tmp_path / "base", None)
    lines = check(capsys, write_plan(SFT, **NO_GRADER, model={"name": str(model)}))
    assert '"User: ... Assistant: ..." is used' in said(lines, "template", "amber")


def test_a_tokenizer_that_loses_the_text_is_red(
    write_plan: Writer, here: None, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = other_model(tiny_model, tmp_path / "lossy")
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"String": "="}, "content": ""}
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    lines = check(capsys, write_plan(SFT, **NO_GRADER, model={"name": str(model)}), code=3)
    assert "do not come back" in said(lines, "template")


def test_prompts_that_the_context_does_not_hold_are_red_and_long_rows_are_counted(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = check(
        capsys, write_plan(EVALUATE, SFT | {"max_length": 22}, GRPO | {"max_new_tokens": 255}, **FORM), code=3
    )
    assert "no prompt leaves room for 255 tokens" in said(lines, "batch")
    assert "are left out, never cut" in said(lines, "length", "amber")


def test_a_stage_without_rows_of_its_kind_is_red(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = check(
        capsys, write_plan(DPO, {"type": "reward_model", "name": "rm"}, GRPO | {"prompts_per_step": 99}, **FORM), code=3
    )
    assert said(lines, "batch").count("no preference pairs to train on") == 2
    assert "there are only" in said(lines, "batch")


def test_an_unfit_grader_is_red_with_its_rates(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = {"type": "exact_match"}  # the answers are worked, the references bare
    lines = check(capsys, write_plan(GRPO, graders={"whole": whole}, metric="whole"), code=3)
    assert "unfit on" in said(lines, "grader whole")


def test_a_judge_out_of_reach_and_a_missing_reward_model_are_red(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = {
        "type": "judge",
        "model": "m",
        "criteria": "right",
        "server": {"base_url": "http://127.0.0.1:9/v1", "give_up_seconds": 1, "cache": False},
    }
    graders = {"judge": judge, "rm": {"type": "reward_model", "model": "./nowhere"}, "idle": {"type": "numeric"}}
    plan = write_plan(GRPO | {"reward": "rm"}, graders=graders, metric="judge")
    lines = check(capsys, plan, code=3)
    assert "did not score row" in said(lines, "grader judge")
    assert "there is no reward model in" in said(lines, "grader rm")
    assert "no stage goes by idle" in said(lines, "graders", "amber")


def test_code_that_cannot_be_confined_here_is_red(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: bool = True) -> tuple[str, ...]:
        raise UserError("this machine cannot confine code")

    source = "def grade(sample, item):\n    return float(sample['output_text'].strip().endswith(item['reference']))\n"
    plan = write_plan(GRPO, graders={"code": {"type": "python", "source": source}}, metric="code")
    assert "confined by" in said(check(capsys, plan, code=0), "sandbox", "green")
    monkeypatch.setattr("graders.sandbox.pool.layers", refuse)
    assert "cannot confine code" in said(check(capsys, plan, code=3), "sandbox")


def test_a_disk_that_all_stages_together_would_fill_is_red(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = write_plan(SFT, SFT | {"name": "more"}, **NO_GRADER)
    needed = next(line["number"] for line in check(capsys, plan) if line["about"] == "disk") * 2**30
    monkeypatch.setattr(disk, "free_bytes", lambda _: round(needed) - 1)
    assert "for all stages together" in said(check(capsys, plan, code=3), "disk")
    monkeypatch.setattr(disk, "free_bytes", lambda _: round(1.1 * needed))
    assert said(check(capsys, plan), "disk", "amber")


def test_an_engine_that_is_not_here_is_red(
    write_plan: Writer, here: None, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(GRPO | {"sampling": "vllm"}, **FORM, model={"name": str(tiny_model), "tuning": "qlora"})
    assert "qlora needs bitsandbytes" in said(check(capsys, plan, code=3), "engine")
    assert "vLLM is not installed" in said(
        check(capsys, write_plan(GRPO | {"sampling": "vllm"}, **FORM), code=3), "engine"
    )


def test_a_library_of_another_version_is_red(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment.metadata, "requires", lambda _: ["trl<1", "nothing-of-this-name>=2", "click>=8"])
    told = said(check(capsys, write_plan(SFT, **NO_GRADER), code=3), "versions")
    assert "not <1" in told
    assert "nothing-of-this-name is not installed" in told
    assert "click" not in told.split("[")[0]


def test_a_hub_model_out_of_reach_is_amber_and_no_crash(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    lines = check(capsys, write_plan(SFT, **NO_GRADER, model={"name": "nobody/nothing"}))
    assert "are not looked at" in said(lines, "model", "amber")
    assert "the hub is out of reach" in said(lines, "hub", "amber")
    assert "unknown" in said(lines, "licence", "amber")


def test_a_licence_is_read_from_the_card_beside_the_model(
    write_plan: Writer, here: None, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = other_model(tiny_model, tmp_path / "licensed")
    plan = write_plan(SFT, **NO_GRADER, model={"name": str(model)})
    (model / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Model\n")
    assert "apache-2.0" in said(check(capsys, plan), "licence", "green")
    (model / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    assert "restrict some uses" in said(check(capsys, plan), "licence", "amber")
    (model / "README.md").write_text("---\nlicense: [a: b\n---\n")
    assert licence_of(str(model), "model") is None


def test_rl_without_a_probe_before_it_is_amber(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is not known" in said(check(capsys, write_plan(GRPO, **FORM)), "signal", "amber")
    lines = check(capsys, write_plan({"type": "probe", "name": "probe"}, GRPO, **FORM))
    assert not [line for line in lines if line["about"] == "signal"]


def test_a_model_too_large_for_the_device_and_the_disk_is_red_though_its_weights_are_not_even_there(
    write_plan: Writer, here: None, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = other_model(tiny_model, tmp_path / "huge")
    config = json.loads((model / "config.json").read_text())
    huge = {"hidden_size": 8192, "intermediate_size": 28_672, "num_hidden_layers": 80, "num_attention_heads": 64}
    (model / "config.json").write_text(json.dumps(config | huge | {"num_key_value_heads": 8, "head_dim": 128}))
    (model / "model.safetensors").unlink()
    plan = write_plan(SFT, **NO_GRADER, model={"name": str(model), "tuning": "full"})
    lines = check(capsys, plan, "--one-step", code=3)
    assert "weights and states" in said(lines, "memory")
    assert said(lines, "disk")
    assert "not tried: it would take about" in said(lines, "one step", "amber")
    assert "train on the CPU" in said(lines, "device", "amber")


def test_one_step_measures_memory_and_time_hours_of_every_stage_that_trains(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    rm = {"rm": {"type": "reward_model", "model": "scores"}}
    kept = FORM["graders"] | rm
    by_rm = GRPO | {"name": "by_rm", "reward": "rm"}
    plan = write_plan(SFT, GRPO, {"type": "reward_model", "name": "scores"}, by_rm, graders=kept, metric="form")
    lines = check(capsys, plan, "--one-step", "--time", code=3)  # there are no pairs for the reward model
    measured = {line["stage"] for line in lines if line["about"] == "memory measured"}
    assert measured == {"sft", "grpo"}
    timed = {line["stage"]: line for line in lines if line["about"] == "time" and line["level"] == "green"}
    assert timed.keys() == {"sft", "grpo", None}
    assert timed["sft"]["number"] + timed["grpo"]["number"] == pytest.approx(timed[None]["number"])
    assert "which is not trained yet" in said(lines, "one step", "amber")


def test_a_stage_whose_first_steps_fail_is_red(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(SFT | {"trainer": {"optim": "adamm"}}, **NO_GRADER)
    assert "first steps failed" in said(check(capsys, plan, "--one-step", code=3), "one step")


def test_steps_that_take_no_memory_of_their_own_are_told(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Measured(peak_bytes=0, held_bytes=1, seconds=1.0, timed=3)
    monkeypatch.setattr(trials, "measure", lambda *_: nothing)
    lines = check(capsys, write_plan(SFT, **NO_GRADER), "--one-step")
    assert "took too little to measure" in said(lines, "memory measured", "green")


def test_training_of_days_is_amber(
    write_plan: Writer, here: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Measured(peak_bytes=1, held_bytes=1, seconds=9000.0, timed=3)
    monkeypatch.setattr(trials, "measure", lambda *_: slow)
    lines = check(capsys, write_plan(SFT | {"epochs": 1}, **NO_GRADER), "--time")
    assert "11 steps of 9e+03 s" in said(lines, "time", "green")
    assert "27.5 hours in all" in said(lines, "time", "amber")
