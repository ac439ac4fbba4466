"""The probe measures what RL would meet, on rows that are no test rows, and says what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graders.errors import UserError
from pipelines.data.checked import load_checked
from pipelines.job import Job, Progress
from pipelines.launcher import DONE
from pipelines.plan_file import load_plan
from pipelines.runner import GATE_CLOSED
from pipelines.stages import STAGES
from tests.pipelines.test_runner import AFTER, BASE, run

Writer = Callable[..., Path]
PROBE = {"type": "probe", "name": "probe", "samples_per_prompt": 4, "rows": 12, "max_new_tokens": 8}
LETTER = {"letter": {"type": "pattern", "pattern": "[xyz]"}}


def probed(plan_path: Path, tiny_model: Path, folder: Path) -> tuple[Job, dict[str, Any]]:
    plan = load_plan(plan_path).plan
    folder.mkdir(exist_ok=True)
    job = Job(plan, "probe", plan_path.parent, folder, str(tiny_model), None, Progress(folder / "events.jsonl"))
    return job, dict(STAGES["probe"].function()(job))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_the_numbers_are_those_of_the_answers_to_validation_rows(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    rows = [{"prompt": f"What is {n} + 1?", "reference": str(n + 1)} for n in range(40)]
    (tmp_path / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"train": "rows.jsonl", "validation": "validation.jsonl"}
    plan = write_plan(PROBE, data=data, graders=LETTER, metric="letter")
    job, numbers = probed(plan, tiny_model, tmp_path / "out")
    samples = lines(tmp_path / "out" / "samples.jsonl")
    assert len(samples) == 12 * 4
    prompts = {row.prompt for row in load_checked(job.plan.data, job.base).validation.rows}
    assert {sample["prompt"] for sample in samples} < prompts
    groups = [[sample["score"] for sample in samples[start : start + 4]] for start in range(0, 48, 4)]
    assert all(sample["prompt"] == samples[place - place % 4]["prompt"] for place, sample in enumerate(samples))
    table = {row["size"]: row for row in numbers["groups_with_spread"]}
    mixed = sum(len(set(group)) > 1 for group in groups)
    assert table[4]["share"] == pytest.approx(mixed / 12)
    assert numbers["prompts_with_spread"] == mixed
    assert table[2]["share"] == pytest.approx(sum(sum(g) * (4 - sum(g)) / 6 for g in groups) / 12)
    assert table[8]["estimator"] == "beta-binomial"
    mean = sum(map(sum, groups)) / 48
    assert numbers["pass_at_k"]["1"] == pytest.approx(mean)
    assert numbers["mean_score"] == pytest.approx(mean)
    assert numbers["pass_at_k"]["4"] == pytest.approx(sum(any(group) for group in groups) / 12)
    assert numbers["rows_from"] == "validation"
    per_prompt = lines(tmp_path / "out" / "prompts.jsonl")
    assert [row["pass_rate"] for row in per_prompt] == pytest.approx([sum(group) / 4 for group in groups])
    assert (numbers["verdict"], numbers["advice"][:8]) == ("ready", "use G = ")
    seconds = numbers["group_size"] * len(load_checked(job.plan.data, job.base).train.rows)
    assert numbers["sampling_seconds_per_pass"] == pytest.approx(seconds / numbers["completions_per_second"])


def test_answers_kept_from_before_a_stop_give_no_speed(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    plan = write_plan(PROBE, graders=LETTER, metric="letter")
    _, first = probed(plan, tiny_model, tmp_path / "out")
    _, again = probed(plan, tiny_model, tmp_path / "out")
    assert again["completions_per_second"] is None
    timed = ("completions_per_second", "sampling_seconds_per_pass")
    assert {k: v for k, v in again.items() if k not in timed} == {k: v for k, v in first.items() if k not in timed}
    assert first["rows_from"] == "training"


def test_a_starved_model_stops_the_run_only_where_the_plan_asks(write_plan: Writer) -> None:
    code, said = run(write_plan(BASE, PROBE, AFTER))
    assert code == DONE
    report = (write_plan(BASE, PROBE, AFTER).parent / "run" / "report.md").read_text()
    assert "## Signal before RL: probe" in report
    assert "starved: warm up first" in report
    code, said = run(write_plan(BASE, PROBE | {"gate": True}, AFTER))
    assert code == GATE_CLOSED
    assert said[-2] == "skipped probe"
    assert said[-1].startswith("gate probe: starved: warm up first (SFT, easier rows, or credit for parts): 0 of 12")


def test_a_saturated_model_is_told_from_a_starved_one(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    graders = {"any": {"type": "pattern", "pattern": "(?s).*"}}
    _, numbers = probed(write_plan(PROBE, graders=graders, metric="any"), tiny_model, tmp_path / "out")
    assert numbers["verdict"] == "saturated"
    assert numbers["advice"].startswith("saturated: harder data or stop")
    assert "100.0 % of the answers were cut at 8 tokens: raise max_new_tokens." in numbers["advice"]


def test_nothing_that_can_be_scored_is_an_error(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"{n} + 1", "reference": "no number"} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match="no prompt has two answers that the grader could score, for example: "):
        probed(write_plan(PROBE), tiny_model, tmp_path / "out")


def test_a_probe_needs_a_grader(write_plan: Writer) -> None:
    with pytest.raises(UserError, match="stage `probe` needs a grader as `reward` or `metric`"):
        load_plan(write_plan(PROBE, graders={}, metric="likelihood"))
