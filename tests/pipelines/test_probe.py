"""The probe measures what RL would meet, on rows that are no test rows, and says what to do."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graders.errors import UserError
from pipelines.data.checked import load_checked
from pipelines.job import Job, Progress, Stopped
from pipelines.launcher import DONE
from pipelines.plan_file import load_plan
from pipelines.probe_result import Probed
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
    assert "100.0 % of the answers were cut at 8 tokens: raise max_new_tokens" in numbers["advice"]


def test_nothing_that_can_be_scored_is_an_error(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"{n} + 1", "reference": "no number"} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match="no prompt has two answers that the grader could score, for example: "):
        probed(write_plan(PROBE), tiny_model, tmp_path / "out")


def test_a_probe_needs_a_grader(write_plan: Writer) -> None:
    with pytest.raises(UserError, match="stage `probe` needs a grader as `reward` or `metric`"):
        load_plan(write_plan(PROBE, graders={}, metric="likelihood"))


STYLED = PROBE | {"styles": ["step_by_step", "few_shot", "answer_only"], "samples_per_prompt": 2}


def test_every_style_is_asked_of_the_same_rows_and_compared_with_them_as_they_are(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    job, numbers = probed(write_plan(STYLED, graders=LETTER, metric="letter"), tiny_model, tmp_path / "out")
    found = Probed.of(numbers)
    assert [style.style for style in found.styles] == ["direct", "step_by_step", "few_shot", "answer_only"]
    direct = lines(job.folder / "direct.jsonl")
    for style in found.styles[1:]:
        answers = lines(job.folder / f"{style.style}.jsonl")
        assert [answer["index"] for answer in answers] == [answer["index"] for answer in direct]
        assert style.comparison is not None and style.comparison.n == 12
        won = sum(a["passed"] and not d["passed"] for a, d in zip(answers, direct, strict=True))
        assert (style.comparison.won, style.comparison.claim) == (won, "too few rows")
        assert style.pass_rate == pytest.approx(sum(answer["passed"] for answer in answers) / 12)
    assert found.styles[0].truncated_rate == 1.0
    assert found.styles[0].tokens_needed is None, "where all were cut nobody knows"


def test_a_style_that_does_not_fit_the_context_is_left_out_and_said(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    plan = write_plan(STYLED | {"max_new_tokens": 230, "rows": 2}, graders=LETTER, metric="letter")
    _, numbers = probed(plan, tiny_model, tmp_path / "out")
    assert [style["style"] for style in numbers["styles"]] == ["direct"]
    assert [note.split()[0] for note in numbers["notes"]] == ["step_by_step", "few_shot", "answer_only"]


def test_asking_ends_where_the_verdict_is_clear(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {n} + 1?", "reference": str(n + 1)} for n in range(70)]
    (tmp_path / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"train": "rows.jsonl", "validation": "validation.jsonl"}
    early = PROBE | {"rows": 70, "stop_early": True}
    plan = write_plan(early, data=data, graders=LETTER, metric="letter")
    _, numbers = probed(plan, tiny_model, tmp_path / "out")
    assert (numbers["verdict"], numbers["prompts"], numbers["rows"]) == ("ready", 30, 70)
    assert len(lines(tmp_path / "out" / "samples.jsonl")) == 30 * 4


class StopsAfter(Progress):
    """Is asked to stop once so many batches are answered."""

    def __init__(self, path: Path, batches: int) -> None:
        super().__init__(path)
        self._left = batches

    def check(self) -> None:
        self._left -= 1
        self.stop_requested = self._left < 0
        super().check()


def test_a_stopped_probe_goes_on_to_the_same_numbers(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    plan = write_plan(STYLED | {"stop_early": True}, graders=LETTER, metric="letter")
    job, whole = probed(plan, tiny_model, tmp_path / "whole")
    folder = tmp_path / "halted"
    folder.mkdir()
    halted = StopsAfter(folder / "events.jsonl", batches=2)
    with pytest.raises(Stopped):
        STAGES["probe"].function()(replace(job, folder=folder, progress=halted))
    assert (folder / "answers-direct-0.jsonl").exists()
    assert not (folder / "answers-drawn-0.jsonl").exists()
    _, resumed = probed(plan, tiny_model, folder)
    timed = ("completions_per_second", "sampling_seconds_per_pass")
    assert {k: v for k, v in resumed.items() if k not in timed} == {k: v for k, v in whole.items() if k not in timed}
    assert resumed["completions_per_second"] is None


def test_training_rows_fill_up_what_validation_lacks_while_nothing_is_trained(
    write_plan: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    rows = [{"prompt": f"What is {n} + 1?", "reference": str(n + 1)} for n in range(5)]
    (tmp_path / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"train": "rows.jsonl", "validation": "validation.jsonl"}
    plan = write_plan(STYLED, data=data, graders=LETTER, metric="letter")
    job, numbers = probed(plan, tiny_model, tmp_path / "out")
    assert (numbers["prompts"], numbers["rows_from"]) == (12, "validation and training")
    assert [style["rows"] for style in numbers["styles"]] == [12] * 4, "though both files have a row 1"
    test = {row.prompt for row in load_checked(job.plan.data, job.base).test.rows}
    assert test.isdisjoint(sample["prompt"] for sample in lines(tmp_path / "out" / "samples.jsonl"))
    trained = tmp_path / "trained"
    shutil.copytree(tiny_model, trained)
    _, numbers = probed(plan, trained, tmp_path / "after")
    assert (numbers["prompts"], numbers["rows_from"]) == (5, "validation")
